"""A user's own reviews, from the file to the prediction."""

import json
from pathlib import Path

import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from tests.training.commands import refused, run
from tests.training.own import GUT, SCHLECHT, Row, csv_text, german_rows, jsonl_text, rows, write

TEXTS = ["Großartig, ein rührender HÖHEPUNKT – „köstlich“!", "Öde, grässlich und überflüssig…"]


def test_model_is_trained_on_own_reviews(tmp_path: Path) -> None:
    """In another language; test_how_to serves such a model."""
    models = tmp_path / "mine"
    path = write(tmp_path / "deutsch.jsonl", jsonl_text(german_rows(160)))
    printed = run("--dataset", path, "--output", models).stdout
    assert f"SENTIMENT_MODEL_DIR={models}" in printed
    assert "the book" not in printed

    bundle = load_bundle(models / "1")
    manifest = bundle.manifest
    assert manifest.dataset["source"] == "own"
    assert manifest.metrics["accuracy"] > 0.9
    assert str(tmp_path) not in (models / "1/manifest.json").read_text()

    good, bad = open_classifier(bundle, "numpy").predict(TEXTS)
    assert (good.sentiment, bad.sentiment) == ("positive", "negative")
    assert min(good.known_words, bad.known_words) >= 2
    # The golden reviews contain the words of this data set, so that they would notice a wrong word index.
    assert sum(bundle.vocabulary.encode(golden.review).known_words > 0 for golden in bundle.golden) >= 10
    assert len({golden.positive_probability for golden in bundle.golden}) > 10

    report = json.loads((models / "1/report/evaluation.json").read_text())
    assert "book" not in report
    assert set(report["constant"]) == {"loss", "accuracy"}
    card = (models / "1/report/MODEL_CARD.md").read_text()
    assert not any(words in card for words in ("IMDB", "the book"))
    assert set(report["top_terms"]["positive"][:4]) < set(GUT)
    assert set(report["top_terms"]["negative"][:4]) < set(SCHLECHT)


@pytest.mark.parametrize(
    ("validation", "message"),
    [(1, "only positive or only negative reviews"), (5000, "choose another --validation")],
)
def test_too_few_reviews_are_an_error_and_leave_nothing(tmp_path: Path, validation: int, message: str) -> None:
    options = ["--dataset", write(tmp_path / "my.csv", rows(60)), "--output", tmp_path / "mine"]
    assert message in run(*options, "--validation", validation, code=1).stderr
    assert not (tmp_path / "mine/1").exists()


def test_bad_rows_are_skipped_on_request_and_bundles_compared(tmp_path: Path) -> None:
    made: list[Row] = [{"body": row["text"], "mood": row["label"]} for row in rows(60)]
    path = write(tmp_path / "my.csv", csv_text(made) + "one field\nfine,meh\n")
    models = tmp_path / "mine"
    options = ["--dataset", path, "--text-column", "body", "--label-column", "mood"]
    assert "2 of 62 rows cannot be used" in run(*options, "--output", models, code=1).stderr
    options.append("--skip-bad-rows")
    printed = run(*options, "--output", models, "--epochs", 3, "--batch-size", 16).stderr
    assert "left out 2 of 62 rows" in printed
    manifest = load_bundle(models / "1").manifest
    assert manifest.dataset["skipped_rows"] == 2
    assert (manifest.recipe["epochs"], manifest.recipe["batch_size"]) == (3, 16)

    compare = ["compare", models / "1", models / "1"]
    assert "trained with reviews of your own; name them" in refused(*compare)
    printed = run(*compare, *options).stdout
    assert f"{manifest.dataset['test_reviews']} test reviews" in printed
    assert f"{manifest.metrics['accuracy']:.4f}" in printed
    split: list[list[Row]] = [[row | {"split": name} for row in rows(60)] for name in ("test", "train")]
    assert "trained with another split" in run(*compare, "--dataset", write(tmp_path / "test.csv", split[0])).stderr
    failed = run(*compare, "--dataset", write(tmp_path / "train.csv", split[1]), code=1)
    assert "no test reviews of both classes" in failed.stderr
