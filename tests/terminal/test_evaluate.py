"""`python -m app evaluate`: figures, formats, and files that cannot be used."""

import html
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from tests.evaluation.labelled import drawn, texts, write_csv
from tests.models import MODELS, NEWEST
from tests.terminal.terminals import SGR, on_terminal, piped, refusal, run
from tests.training.test_disk_full import contents, files_no_larger_than


def evaluation(my: Path, *options: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("evaluate", my, "--json", *options))
    return found


@pytest.fixture
def my(tmp_path: Path) -> Path:
    """400 labelled texts."""
    return write_csv(tmp_path / "my.csv", [(text, int(positive)) for text, positive in texts()[:400]])


def test_evaluate_measures_the_default_bundle_without_tensorflow(my: Path) -> None:
    done = piped("evaluate", str(my), missing=["tensorflow", "matplotlib", "jinja2"])
    assert (done.returncode, done.stderr) == (0, b"")
    found, shown = evaluation(my), done.stdout.decode()
    assert found["model"] == {
        "name": "imdb",
        "version": NEWEST,
        "digest": load_bundle(MODELS / NEWEST).digest,
        "folder": f"models/imdb/{NEWEST}",
    }
    assert (found["file"]["name"], found["reviews"]) == ("my.csv", 400)
    low, high = found["accuracy_interval"]
    assert found["majority_accuracy"] < low < found["accuracy"] < high
    assert found["loss"] < found["base_rate_loss"] < 0.6932
    assert sum(bin_["share"] for bin_ in found["reliability"]) == pytest.approx(1)
    matrix = found["confusion"]
    assert sum(matrix["positive"].values()) == found["positive_reviews"]
    wrong = matrix["positive"]["negative"] + matrix["negative"]["positive"]
    assert wrong == round(400 * (1 - found["accuracy"]))
    assert len(found["mistakes"]) == min(10, wrong)
    first, *_, last = [abs(each["positive_probability"] - 0.5) for each in found["mistakes"]]
    assert first > last > 0
    name, _, line = found["mistakes"][0]["place"].partition(":")
    text, _, _ = my.read_text().splitlines()[int(line) - 1].rpartition(",")
    assert (name, text) == ("my.csv", found["mistakes"][0]["text"])
    assert evaluation(my, "--model-version", 1)["loss"] != found["loss"]

    assert shown.startswith(f"imdb {NEWEST} (models/imdb/{NEWEST}) on my.csv: 400 texts")
    for name in ("accuracy", "majority_accuracy", "auc", "loss", "base_rate_loss", "chance_calibration_error"):
        assert f"{found[name]:.3f}" in shown
    assert " ".join(found["summary"]) in " ".join(shown.split())
    assert shown.count("●") == len(found["reliability"]) + 1
    assert re.search(rf"positive +{matrix['positive']['positive']} ", shown)


@pytest.mark.parametrize("width", [80, 110])
def test_evaluate_shows_where_each_mistake_is_whatever_the_text_and_the_name(tmp_path: Path, width: int) -> None:
    rows = [(f"{text} {'And it went on and on. ' * 9}", int(positive)) for text, positive in texts()[:200]]
    nasty = ("Superb, excellent \x1b]0;mine\x07 [red]wonderful[/red] masterpiece!", 0)
    my = write_csv(tmp_path / f"{'a-file-with-a-long-name-' * 3}.csv", [*rows, nasty])
    shown = SGR.sub("", on_terminal("evaluate", str(my), "--runtime", "numpy", width=width))
    for mistake in evaluation(my)["mistakes"]:
        line = mistake["place"].rpartition(":")[2]
        cells = rf"{mistake['positive_probability']:.3f} +{mistake['label']} +{line} +{mistake['text'][:9]}"
        assert re.search(f"^ {cells}", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= width
    assert "excellent �]0;mine� [red]wonderful[/red]" in shown
    assert "\x1b" not in shown


def test_evaluate_tells_miscalibration_from_chance(my: Path) -> None:
    """Of texts whose labels are drawn with the predicted probabilities, and of texts with other labels."""
    classifier = open_classifier(load_bundle(MODELS / NEWEST), "numpy")
    scored = {text: classifier.predict([text])[0].positive_probability for text, _ in texts()}
    calibrated = [evaluation(write_csv(my, drawn(scored.__getitem__, seed)[:300])) for seed in range(10)]
    errors = [found["calibration_error"] for found in calibrated]
    assert sum(errors) / 10 == pytest.approx(calibrated[0]["chance_calibration_error"], rel=0.2)
    exceeded = [each["calibration_error"] > each["max_chance_calibration_error"] for each in calibrated]
    assert sum(exceeded) <= 2
    assert "no more than chance" in calibrated[exceeded.index(False)]["summary"][2]
    found = evaluation(write_csv(my, drawn(lambda text: 0.5 + (scored[text] - 0.5) / 2)))
    assert found["calibration_error"] > 2 * found["max_chance_calibration_error"]
    assert re.search("chance explains at most .*; calibrate", found["summary"][2])


def test_evaluate_warns_of_labels_that_do_not_fit(my: Path) -> None:
    swapped = evaluation(write_csv(my, [(text, not positive) for text, positive in texts()]))
    assert "labels look swapped" in swapped["warnings"][0]
    assert "useless" not in " ".join(swapped["warnings"])
    assert "calibrate" not in swapped["summary"][2]
    unrelated = evaluation(write_csv(my, [(text, i % 3 == 0) for i, (text, _) in enumerate(texts()[:200])]))
    assert "useless" in unrelated["warnings"][0]
    assert "worse than always predicting the share" in " ".join(unrelated["warnings"])


def test_evaluate_writes_a_report_that_interprets_nothing(tmp_path: Path) -> None:
    my = tmp_path / os.fsdecode(b"my-\xff.jsonl")
    nasty = "Superb, wonderful, excellent! <script>alert(1)</script> <img src=https://example.org/x>"
    rows = [(nasty, 0), *((text, int(positive)) for text, positive in texts())]
    my.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    report = tmp_path / "report.html"
    assert run("evaluate", my, "--report", report).splitlines()[-1] == f"report: {report}"
    page, found = report.read_text(encoding="utf-8"), evaluation(my)
    for sentence in found["summary"]:
        assert sentence in html.unescape(page)
    assert page.count("<circle") == len(found["reliability"])
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<script|<img|<link|url\(|@import", page)
    assert "exists; choose another file for --report" in refusal("evaluate", str(my), "--report", str(report))
    for name in ("my.pdf", "."):
        assert "choose a name that ends with .html" in refusal("evaluate", str(my), "--report", name)


def test_report_of_a_calibrated_bundle_compares_it_with_the_original(my: Path, tmp_path: Path) -> None:
    models = tmp_path / "imdb"
    models.mkdir()
    (models / NEWEST).symlink_to(MODELS / NEWEST)
    original = evaluation(my)
    assert original["uncalibrated"] is None
    run("calibrate", my, models / "4", "--model-dir", models)
    report = tmp_path / "report.html"
    found = evaluation(my, "--report", report, "--model-dir", models)
    assert found["uncalibrated"] == pytest.approx({name: original[name] for name in found["uncalibrated"]}, abs=1e-4)
    assert f"{original['loss']:.3f}</td>" in report.read_text(encoding="utf-8").partition("Before and after")[2]
    assert "calibrated with these texts" in found["warnings"][-1]


def test_evaluate_on_a_full_disk_leaves_no_report(my: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    with files_no_larger_than(10_000):
        message = run("evaluate", my, "--report", tmp_path / "report.html", code=1)
    assert "the report cannot be written" in message
    assert contents(tmp_path) == before
    assert "the report cannot be written" in run(
        "evaluate", my, "--report", tmp_path / "no such folder/report.html", code=1
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,stars\nSuperb,1\n", "there is no column named label or sentiment, only 'text', 'stars'"),
        ("text,label\n" + "Superb,1\n" * 30, "30 positive and 0 negative texts, but an evaluation needs"),
        ("text,label\n" + "Superb,1\nAwful,0\n" * 5, "5 positive and 5 negative texts, but .* at least 20 texts"),
        ("text,label\nSuperb,meh\n,1\n", "(?s)2 of 2 rows cannot be used.*unknown label 'meh'.*the text is blank"),
        ("text,label\n", "no rows below the header"),
    ],
)
def test_evaluate_of_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "my.csv").write_text(content)
    assert re.search(message, run("evaluate", tmp_path / "my.csv", code=1))


def test_evaluate_without_its_packages_says_how_to_install_them(my: Path) -> None:
    done = piped("evaluate", str(my), missing=["sklearn"])
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"requirements/evaluation.txt`" in done.stderr
