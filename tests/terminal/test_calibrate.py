"""`python -m app calibrate`: the new bundle, where it is used, and what is refused."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.bundles.manifest import MANIFEST
from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle, load_bundles
from app.main import create_app
from app.model.calibration import calibrated, log_odds
from app.model.classifier import Classifier
from app.model.runtimes import RUNTIMES
from app.settings import Settings
from tests.evaluation.labelled import drawn, write_csv
from tests.models import MODELS, NEWEST
from tests.terminal.terminals import refusal, run
from tests.training.test_disk_full import contents, files_no_larger_than

SCALE, SHIFT = 0.4, -0.6


@pytest.fixture(scope="module")
def original() -> Classifier:
    return open_classifier(load_bundle(MODELS / NEWEST), "numpy")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped bundle alone."""
    models = tmp_path_factory.mktemp("models") / "imdb"
    models.mkdir()
    (models / NEWEST).symlink_to(MODELS / NEWEST)
    return models


@pytest.fixture(scope="module")
def my(original: Classifier, models: Path) -> Path:
    """Texts that the bundle scores with twice and a half of the right log-odds, and too positively."""

    def probability(text: str) -> float:
        (prediction,) = original.predict([text])
        return calibrated(prediction.positive_probability, SCALE, SHIFT)

    return write_csv(models.parent / "my.csv", drawn(probability))


@pytest.fixture(scope="module")
def output(my: Path, models: Path) -> Path:
    """The calibrated bundle."""
    output = models / str(int(NEWEST) + 1)
    run("calibrate", my, output, "--right", "0.75", "--model-dir", models)
    return output


def test_calibrate_finds_the_scale_and_the_shift(output: Path, my: Path) -> None:
    manifest = load_bundle(output).manifest
    found, promise = manifest.calibration, manifest.promise
    assert found is not None
    assert promise is not None
    assert found.scale == pytest.approx(SCALE, abs=0.1)
    assert found.shift == pytest.approx(SHIFT, abs=0.3)
    assert (found.texts, found.original) == (len(my.read_text().splitlines()) - 1, load_bundle(MODELS / NEWEST).digest)
    assert found.after["loss"] < found.before["loss"]
    assert found.after["calibration_error"] < found.before["calibration_error"]
    assert (manifest.name, manifest.version) == ("imdb", output.name)
    assert (promise.right, promise.confidence, promise.labels) == (0.75, 0.95, found.texts)
    assert 0 < promise.certain_share < 1
    shown = run("check", output)
    assert f"with {found.texts} labelled texts" in shown
    for text in (shown, (output / "report/MODEL_CARD.md").read_text()):
        assert promise.sentence in text


def test_calibrated_bundle_has_the_same_network_and_no_text_of_the_file(output: Path, my: Path) -> None:
    changed = {MANIFEST, f"{MANIFEST}.sha256", "golden.json", "profile.json", "report/MODEL_CARD.md"}
    ours, theirs = contents(output), contents(MODELS / NEWEST)
    assert {name for name in ours | theirs if ours.get(name) != theirs.get(name)} == changed
    card = ours["report/MODEL_CARD.md"].decode()
    assert card.endswith(theirs["report/MODEL_CARD.md"].decode())
    assert "# imdb, version 4\n" in card
    texts = [line.rpartition(",")[0].encode() for line in my.read_text().splitlines()[1:]]
    assert not any(text in content for content in ours.values() for text in texts)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_calibrated_bundle_is_right_in_every_runtime(output: Path, original: Classifier, runtime: str) -> None:
    bundle = load_bundle(output)
    assert bundle.manifest.calibration is not None
    scale, shift = bundle.manifest.calibration.scale, bundle.manifest.calibration.shift
    reviews = ["A superb film.", "Awful, just awful.", "The plot is long."]
    before, after = original.predict(reviews), open_classifier(bundle, runtime).predict(reviews)
    for raw, found in zip(before, after, strict=True):
        expected = scale * log_odds(raw.positive_probability) + shift
        assert log_odds(found.positive_probability) == pytest.approx(expected, abs=1e-4)


def test_calibrated_bundle_is_served_beside_the_original(output: Path) -> None:
    text = "A superb film, but too long."
    settings = Settings(model_dir=output.parent, model_version=f"{NEWEST},{output.name}", runtime="numpy")
    with TestClient(create_app(settings)) as client:

        def ask(path: str, **body: object) -> Any:
            return client.post(path, json=body).raise_for_status().json()

        raw, p = (
            ask(f"/predict?version={version}", reviews=[text])["predictions"][0]["positive_probability"]
            for version in (NEWEST, output.name)
        )
        calibration = client.get(f"/model?version={output.name}").json()["calibration"]
        assert client.get("/model").json()["calibration"] is None
        assert p == pytest.approx(calibrated(raw, calibration["scale"], calibration["shift"]))
        assert abs(p - raw) > 0.01
        (explanation,) = ask(f"/explain?version={output.name}", reviews=[text])["explanations"]
        assert explanation["log_odds"] == pytest.approx(math.log(p / (1 - p)))
        v1 = ask(f"/v1/models/imdb/versions/{output.name}:predict", instances=[text])["predictions"]
        inputs = [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}]
        v2 = ask(f"/v2/models/imdb/versions/{output.name}/infer", inputs=inputs)["outputs"][0]["data"]
        assert v1 == v2 == [pytest.approx(p)]


def test_folder_with_a_calibrated_bundle_serves_it_by_default(my: Path, tmp_path: Path) -> None:
    found = json.loads(run("calibrate", my, tmp_path / "mine/1", "--json", "--right", "0.75"))
    (bundle,) = load_bundles(tmp_path / "mine")
    with TestClient(create_app(Settings(model_dir=tmp_path / "mine", runtime="numpy"))) as client:
        model = client.get("/model").json()
    assert model["calibration"]["original"] == load_bundle(MODELS / NEWEST).digest
    assert found["bundle"] == str(bundle.folder)
    assert found["promise"] | {"sentence": model["promise"]["sentence"]} == model["promise"]
    assert found["after"]["loss"] < found["before"]["loss"]
    printed = run("calibrate", my, tmp_path / "other/1")
    assert f"serve --model-dir {tmp_path / 'other'}" in printed


def test_calibrate_refuses_a_version_that_would_not_be_served(my: Path, output: Path) -> None:
    free = output.parent / str(int(output.name) + 1)
    for name, message in (
        (output.name, "bundles are immutable"),
        ("1", f"would be served with version {output.name}, which is higher"),
        ("01", "the number of the new version"),
        ("9" * 300, "the number of the new version"),
    ):
        refused = refusal("calibrate", str(my), str(output.parent / name))
        assert message in refused
        assert str(free) in refused


def test_calibrate_that_does_not_help_writes_only_if_forced(original: Classifier, tmp_path: Path) -> None:
    texts = write_csv(tmp_path / "right.csv", drawn(lambda text: original.predict([text])[0].positive_probability)[:60])
    output = tmp_path / "mine/1"
    assert "do not show that a calibration helps" in run("calibrate", texts, output, code=1)
    assert not output.parent.exists()
    printed = run("calibrate", texts, output, "--force")
    assert load_bundle(output).manifest.promise is None
    assert "All predictions are uncertain: 60 labels do not prove that a share of 0.95 is right; they prove" in printed
    certain = open_classifier(load_bundle(output), "numpy").predict(["A superb film.", "Awful, just awful."])
    assert all(prediction.uncertain for prediction in certain)


def test_calibrate_refuses_what_it_cannot_use(output: Path, my: Path, models: Path, tmp_path: Path) -> None:
    before, original = contents(models), ("--model-dir", models, "--model-version", NEWEST)
    assert "the number of the new version" in refusal("calibrate", str(my), str(tmp_path / "mine"))
    assert "calibrated already" in run("calibrate", my, models / "9", "--model-dir", models, code=1)
    rows = [line.rpartition(",") for line in my.read_text().splitlines()[1:]]
    for made, message in (
        (rows[:40], "at least 50 texts"),
        ([(text, "", 1) for text, _, _ in rows[:60]], "60 positive and 0 negative texts"),
        ([(text, "", int(i % 12 == 0)) for i, (text, _, _) in enumerate(rows[:60])], "10 of each class"),
        ([(text, "", 1 - int(label)) for text, _, label in rows], "labels are swapped"),
    ):
        path = write_csv(tmp_path / "bad.csv", [(text, label) for text, _, label in made])
        assert message in run("calibrate", path, models / "9", *original, code=1)
    assert contents(models) == before


def test_calibrate_on_a_full_disk_leaves_nothing(my: Path, tmp_path: Path) -> None:
    models = tmp_path / "imdb"
    with files_no_larger_than(100_000):
        message = run("calibrate", my, models / "1", code=1)
    assert "cannot be written" in message
    assert contents(models) == {}
