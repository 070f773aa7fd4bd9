"""A person's own reviews from the file to the answer, as commands."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.inference.bundle import load_bundle
from app.inference.classifier import open_classifier
from tests.servers import ROOT, serving
from tests.training.own import GUT, SCHLECHT, Row, csv_text, german_rows, jsonl_text, rows, write
from training.__main__ import main

LONG = 300
"""Seconds for a training that takes ten on a quiet machine."""

ENGLISH = {"good": "A superb and moving story, wonderful!", "bad": "An awful mess, boring and dull."}
GERMAN = {"good": "Großartig, ein rührender HÖHEPUNKT – „köstlich“!", "bad": "Öde, grässlich und überflüssig…"}


@pytest.mark.parametrize(
    ("name", "content", "recipe", "texts"),
    [
        ("english.csv.gz", gzip.compress(csv_text(rows(160), ";", "\r\n").encode()), "book", ENGLISH),
        ("deutsch.jsonl", jsonl_text(german_rows(160)).encode(), "best", GERMAN),
    ],
)
def test_own_reviews_are_trained_on_and_served(
    tmp_path: Path, name: str, content: bytes, recipe: str, texts: dict[str, str]
) -> None:
    models = tmp_path / "mine"
    path = write(tmp_path / name, content)
    command = [sys.executable, "-m", "training", "--dataset", str(path), "--output", str(models), "--recipe", recipe]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    assert "without reading" in done.stdout
    assert "the book" not in done.stdout
    assert f"SENTIMENT_MODEL_DIR={models}" in done.stdout
    assert ("also learns from unlabelled reviews, here are none" in done.stderr) == (recipe == "best")
    with serving(model_dir=models, runtime="litert") as server:
        answer = httpx.post(f"{server.url}/predict", json={"reviews": list(texts.values())}).json()
        model = httpx.get(f"{server.url}/model").json()
    assert answer["model"] == {"name": "mine", "version": "1"}
    assert [prediction["sentiment"] for prediction in answer["predictions"]] == ["positive", "negative"]
    assert all(prediction["known_words"] >= 2 for prediction in answer["predictions"])
    assert model["dataset"]["source"] == "own"
    assert model["dataset"]["files"][0]["name"] == name
    assert model["metrics"]["accuracy"] > 0.9
    _check_bundle(models / "1", recipe, texts)
    assert str(tmp_path) not in (models / "1/manifest.json").read_text()


def _check_bundle(folder: Path, recipe: str, texts: dict[str, str]) -> None:
    """What the bundle says of itself, and that its golden reviews would notice a wrong word index."""
    bundle = load_bundle(folder)
    manifest = bundle.manifest
    count, validation = manifest.dataset["training_reviews"], manifest.recipe["validation"]
    assert isinstance(count, int)
    assert validation == round(count * (0.4 if recipe == "book" else 0.2))
    assert len(bundle.vocabulary) < 2000
    assert len({golden.positive_probability for golden in bundle.golden}) > 10
    known = [sum(row.known_words for row in [bundle.vocabulary.encode(g.review)]) for g in bundle.golden]
    assert sum(count > 0 for count in known) >= 10
    open_classifier(bundle, "tensorflow")
    report = json.loads((folder / "report/evaluation.json").read_text())
    assert "book" not in report
    assert set(report["constant"]) == {"loss", "accuracy"}
    low, high = report["test"]["accuracy_interval"]
    assert 0.8 < low < high
    assert low < 1
    card = (folder / "report/MODEL_CARD.md").read_text()
    assert "IMDB" not in card
    assert "the book" not in card
    assert "Split by: hash of the words" in card
    assert ("no unlabelled ones" in card) == (recipe == "best")
    if texts is GERMAN:
        assert set(report["telling_terms"]["positive"][:4]) < set(GUT)
        assert set(report["telling_terms"]["negative"][:4]) < set(SCHLECHT)


def test_own_reviews_need_an_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "my.csv", rows(60))
    with pytest.raises(SystemExit) as raised:
        main(["--dataset", str(path)])
    assert raised.value.code == 2
    assert "add --output models/mine" in capsys.readouterr().err


def test_experiments_on_own_reviews_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["experiments", "--dataset", str(write(tmp_path / "my.csv", rows(60)))])
    assert raised.value.code == 2
    assert "curve" in capsys.readouterr().err


BROKEN = csv_text(rows(60)) + "one field\nfine,meh\n"
FAULTS: dict[str, tuple[str, str | bytes, str]] = {
    "bad rows": ("my.csv", BROKEN, "2 of 62 rows cannot be used"),
    "no column": ("my.csv", "Superb,1\nAwful,0\n", "--text-column"),
    "empty": ("my.csv", "", "the file is empty"),
    "one class": ("my.csv", csv_text([row | {"label": 1} for row in rows(60)]), "add negative ones"),
    "few": ("my.jsonl", jsonl_text(rows(12)), "10 of each class are the least"),
    "encoding": ("my.csv", csv_text(rows(60)).encode("utf-16"), "save it as UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_reviews_that_cannot_be_learnt_from_leave_nothing(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, message = FAULTS[fault]
    path = write(tmp_path / name, content)
    assert main(["--dataset", str(path), "--output", str(tmp_path / "mine")]) == 1
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "mine").exists()


def test_validation_that_leaves_a_class_out_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "my.csv", rows(60))
    arguments = ["--dataset", str(path), "--output", str(tmp_path / "mine"), "--validation"]
    assert main([*arguments, "1"]) == 1
    assert "only positive or only negative reviews" in capsys.readouterr().err
    assert main([*arguments, "5000"]) == 1
    assert "choose another --validation" in capsys.readouterr().err


def test_bad_rows_are_skipped_when_asked_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[Row] = [{"body": row["text"], "mood": row["label"]} for row in rows(60)]
    path = write(tmp_path / "my.csv", csv_text(made) + "one field\nfine,meh\n")
    columns = ["--text-column", "body", "--label-column", "mood"]
    models = tmp_path / "mine"
    options = ["--dataset", str(path), *columns, "--skip-bad-rows"]
    assert main([*options, "--output", str(models), "--epochs", "3", "--batch-size", "16"]) == 0
    assert "left out 2 of 62 rows" in capsys.readouterr().err
    manifest = load_bundle(models / "1").manifest
    assert manifest.dataset["skipped_rows"] == 2
    assert (manifest.recipe["epochs"], manifest.recipe["batch_size"]) == (3, 16)
    assert "could not be used: 2;" in (models / "1/report/MODEL_CARD.md").read_text()
    # The same reviews judge both sides of a comparison.
    folder = str(models / "1")
    assert main(["compare", folder, folder, *options]) == 0
    printed = capsys.readouterr().out
    assert f"{manifest.dataset['test_reviews']} test reviews" in printed
    assert f"{manifest.metrics['accuracy']:.4f}" in printed
    other = write(tmp_path / "other.csv", [row | {"split": "test"} for row in rows(20)])
    assert main(["compare", folder, folder, "--dataset", str(other)]) == 0
    assert "was trained with another split (hash of the words" in capsys.readouterr().err


def test_compare_without_test_reviews_of_both_classes_says_so(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "my.csv", [row | {"split": "train"} for row in rows(60)])
    folder = str(models / "1")
    assert main(["compare", folder, folder, "--dataset", str(path)]) == 1
    assert "no test reviews of both classes" in capsys.readouterr().err


def test_curve_shows_what_more_reviews_bring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "my.csv", rows(120))
    assert main(["curve", "--dataset", str(path), "--sizes", "30", "60", "--seeds", "0"]) == 0
    printed = capsys.readouterr().out
    assert "│               30 │" in printed
    assert "│               60 │" in printed
    assert main(["curve", "--dataset", str(path), "--sizes", "4000"]) == 1
    assert "cannot be tried" in capsys.readouterr().err


def test_make_train_takes_own_reviews() -> None:
    command = ["make", "--dry-run", "train", "REVIEWS=my.csv more.csv", "OUTPUT=models/mine", "RECIPE=best"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "-m training" in line]
    assert "--recipe best --dataset my.csv more.csv --output models/mine" in line
    assert "aclImdb" not in line
