"""A user's own reviews, from the file to the prediction; test_how_to serves such a model."""

import json
from pathlib import Path

import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from tests.training.commands import run
from tests.training.own import GUT, SCHLECHT, csv_text, german_rows, rows, write

pytestmark = pytest.mark.slow

COLUMNS = ["--text-column", "body", "--label-column", "mood"]
TEXTS = ["Großartig, ein rührender HÖHEPUNKT – „köstlich“!", "Öde, grässlich und überflüssig…"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews in another language, with two rows that cannot be used."""
    made = [{"body": row["text"], "mood": row["label"]} for row in german_rows(160)]
    return write(tmp_path_factory.mktemp("own") / "deutsch.csv", csv_text(made) + "one field\nfine,meh\n")


@pytest.fixture(scope="module")
def bundle(file: Path) -> Path:
    """A bundle of them."""
    models = file.parent / "mine"
    options = ["--dataset", file, "--output", models, *COLUMNS]
    assert "2 of 162 rows cannot be used" in run(*options, code=1).stderr
    done = run(*options, "--skip-bad-rows", "--epochs", 10, "--batch-size", 16)
    assert "left out 2 of 162 rows" in done.stderr
    assert f"SENTIMENT_MODEL_DIR={models}" in done.stdout
    assert "the book" not in done.stdout
    return models / "1"


def test_model_is_trained_on_own_reviews(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    manifest = loaded.manifest
    assert (manifest.dataset["source"], manifest.dataset["skipped_rows"]) == ("own", 2)
    assert (manifest.recipe["epochs"], manifest.recipe["batch_size"]) == (10, 16)
    assert manifest.metrics["accuracy"] > 0.9
    assert str(bundle.parent.parent) not in (bundle / "manifest.json").read_text()

    good, bad = open_classifier(loaded, "numpy").predict(TEXTS)
    assert (good.sentiment, bad.sentiment) == ("positive", "negative")
    assert min(good.known_words, bad.known_words) >= 2
    # The golden reviews contain the words of this data set, so that they would notice a wrong word index.
    assert sum(loaded.vocabulary.encode(golden.review).known_words > 0 for golden in loaded.golden) >= 10
    assert len({golden.positive_probability for golden in loaded.golden}) > 10

    report = json.loads((bundle / "report/evaluation.json").read_text())
    assert "book" not in report
    assert set(report["constant"]) == {"loss", "accuracy"}
    card = (bundle / "report/MODEL_CARD.md").read_text()
    assert not any(words in card for words in ("IMDB", "the book"))
    assert set(report["top_terms"]["positive"][:4]) < set(GUT)
    assert set(report["top_terms"]["negative"][:4]) < set(SCHLECHT)


def test_bundles_are_compared_on_own_reviews(file: Path, bundle: Path, tmp_path: Path) -> None:
    compare, manifest = ["compare", bundle, bundle], load_bundle(bundle).manifest
    assert "trained with reviews of your own; name them" in run(*compare, code=2).stderr
    printed = run(*compare, "--dataset", file, *COLUMNS, "--skip-bad-rows").stdout
    assert f"{manifest.dataset['test_reviews']} test reviews" in printed
    assert f"{manifest.metrics['accuracy']:.4f}" in printed
    test, train = (
        write(tmp_path / f"{name}.csv", [row | {"split": name} for row in rows(60)]) for name in ("test", "train")
    )
    assert "trained with another split" in run(*compare, "--dataset", test).stderr
    assert "no test reviews of both classes" in run(*compare, "--dataset", train, code=1).stderr


@pytest.mark.parametrize(
    ("validation", "message"),
    [(1, "only positive or only negative reviews"), (5000, "choose another --validation")],
)
def test_too_few_reviews_are_an_error_and_leave_nothing(tmp_path: Path, validation: int, message: str) -> None:
    options = ["--dataset", write(tmp_path / "my.csv", rows(60)), "--output", tmp_path / "mine"]
    assert message in run(*options, "--validation", validation, code=1).stderr
    assert not (tmp_path / "mine/1").exists()
