"""Comparing bundles, any two and a new one with the one that is served."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from app.bundles.reading import Bundle
from training.archive import load_archives
from training.compare import IMDB_MODELS, TRAINED, Served, compare, measure_served, next_steps, next_version

BETTER, WORSE = {"loss": 0.1, "accuracy": 0.95}, {"loss": 0.3, "accuracy": 0.8}
MOVE = "mv trained/imdb/4 models/imdb/"


def test_compare_counts_who_is_right() -> None:
    labels = np.array([1, 1, 0, 0], np.float32)
    a, b = np.array([0.9, 0.2, 0.1, 0.9], np.float32), np.array([0.9, 0.8, 0.1, 0.2], np.float32)
    result = compare(a, b, labels)
    assert (result.only_a, result.only_b, result.flipped) == (0, 2, 0.5)
    assert result.p_value == pytest.approx(2 / 2**2)
    assert result.verdict.startswith("no: the difference could well be chance")
    many = compare(np.tile(a, 10), np.tile(b, 10), np.tile(labels, 10))
    assert many.p_value == pytest.approx(2 / 2**20)
    assert many.verdict == "yes: B is better"
    assert compare(a, a, labels).p_value == 1


def test_next_version_is_free_in_the_served_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert next_version(None) == 1
    for name in ("models/imdb/3", "trained/imdb/1", "mine/7"):
        Path(name).mkdir(parents=True)
    assert (next_version(None), next_version(Path("mine"))) == (4, 8)
    (TRAINED / "4").mkdir()
    assert next_version(None) == 5


def test_served_bundle_is_measured_on_the_test_reviews(
    bundle: Bundle,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with Progress(console=Console(stderr=True)) as progress:
        dataset = load_archives([archive], progress)
        assert measure_served(None, dataset, progress) is None
        shutil.copytree(bundle.folder, IMDB_MODELS / "1")
        served = measure_served(None, dataset, progress)
        assert served is not None
        assert (served.folder, served.title) == (IMDB_MODELS / "1", "tiny 1")
        assert served.metrics == pytest.approx(bundle.manifest.metrics, abs=1e-5)
        (TRAINED / "2").mkdir(parents=True)  # nothing serves this folder
        assert measure_served(Path("mine"), dataset, progress) == served
        shutil.copytree(bundle.folder, "mine/1")
        assert measure_served(Path("mine"), dataset, progress) == served._replace(folder=Path("mine/1"))
        shutil.copytree(bundle.folder, IMDB_MODELS / "2")  # its manifest says that it is version 1
        assert measure_served(None, dataset, progress) is None
    assert "will not be compared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("metrics", "is_better"), [(BETTER, True), (BETTER | {"loss": 0.2}, False), (BETTER | {"accuracy": 0.9}, False)]
)
def test_only_a_better_bundle_is_recommended(metrics: dict[str, float], is_better: bool) -> None:
    served = Served(IMDB_MODELS / "3", "imdb 3", {"loss": 0.2, "accuracy": 0.9})
    first, *others = next_steps(TRAINED / "4", metrics, served)
    is_ = "is" if is_better else "is not"
    assert first == f"trained/imdb/4 {is_} better than models/imdb/3 in both loss and accuracy"
    assert others[-1].endswith(MOVE) == is_better


def test_bundle_beside_the_served_one_is_the_default_from_now_on() -> None:
    served = Served(Path("my models/1"), "imdb 1", BETTER)
    lines = next_steps(Path("my models/2"), WORSE, served)
    assert lines[2] == "serve my models/1: SENTIMENT_MODEL_DIR='my models' SENTIMENT_MODEL_VERSION=1 make serve"
    assert lines[3].startswith("by default, my models/2 is served now")
    assert len(next_steps(Path("my models/1"), WORSE, served._replace(folder=Path("my models/2")))) == 3
    assert len(next_steps(Path("mine/1"), BETTER, None)) == 1
