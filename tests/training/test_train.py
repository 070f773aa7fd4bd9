"""The book's steps on a tiny data set."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from app.bundles.reading import Bundle, load_bundle
from app.evaluation.metrics import measure
from app.model.classifier import Classifier
from tests.conftest import TINY
from tests.corpus import files, write_archive
from training import book
from training.archive import load_archives
from training.book import Book
from training.dataset import Dataset
from training.network import FULL
from training.train import train_bundle

PROGRESS = Progress(disable=True)
TINY_RECIPE = Book(**TINY)


@pytest.fixture(scope="module")
def dataset(archive: Path) -> Dataset:
    return load_archives([archive], PROGRESS)


def test_train_again_gives_the_same_numbers(dataset: Dataset, bundle: Bundle, tmp_path: Path) -> None:
    train_bundle(dataset, TINY_RECIPE, tmp_path / "tiny", "3", PROGRESS)
    again = load_bundle(tmp_path / "tiny/3")
    assert again.manifest.metrics == bundle.manifest.metrics
    assert again.manifest.uncertainty == bundle.manifest.uncertainty
    assert again.golden == bundle.golden
    for name in ("report/history.json", "report/evaluation.json", "word_index.json", "profile.json", "report/loss.png"):
        assert again.manifest.files[name] == bundle.manifest.files[name]


def test_train_writes_a_complete_report(bundle: Bundle, dataset: Dataset) -> None:
    report = bundle.folder / "report"
    history = json.loads((report / "history.json").read_text())
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), TINY_RECIPE.epochs
    )
    evaluation = json.loads((report / "evaluation.json").read_text())
    assert set(evaluation) == {"test", "book", "validation", "behaviour", "top_terms"}
    test = evaluation["test"]
    assert test["reviews"] == sum(test["confusion"].values()) == len(dataset.test)
    assert test["accuracy"] == bundle.manifest.metrics["accuracy"]
    best = int(np.argmin(history["val_loss"]))
    assert evaluation["validation"]["epochs"] == bundle.manifest.recipe["final_epochs"] == best + 1
    assert evaluation["validation"]["accuracy"] == history["val_accuracy"][best]
    card = (report / "MODEL_CARD.md").read_text()
    assert f"{test['accuracy']:.4f}" in card
    assert all(mistake["review"] in card for mistake in test["worst_mistakes"])
    assert f"between {bundle.manifest.uncertainty.above:.3f} and {bundle.manifest.uncertainty.below:.3f}" in card
    for name in ("loss.png", "accuracy.png", "reliability.png"):
        assert (report / name).read_bytes().startswith(b"\x89PNG")


def test_served_predictions_equal_the_evaluation(classifier: Classifier, bundle: Bundle, dataset: Dataset) -> None:
    assert dataset.test.texts is not None
    predictions = classifier.predict(dataset.test.texts)
    served = np.array([p.positive_probability for p in predictions], np.float32)
    metrics = measure(served, dataset.test.labels)
    assert metrics == pytest.approx(bundle.manifest.metrics, abs=1e-6)
    assert metrics["accuracy"] > 0.9
    evaluation = json.loads((bundle.folder / "report/evaluation.json").read_text())
    assert np.mean([not p.uncertain for p in predictions]) == evaluation["test"]["certain_share"]


def test_profile_and_uncertainty_are_of_reviews_that_the_network_was_not_trained_on(tmp_path: Path) -> None:
    """Labels are random, so only a network that was trained on a review can predict its label."""
    rng = np.random.default_rng(0)
    members = {}
    for name, content in files(60).items():
        label = rng.choice(["pos", "neg"]) if "train" in name else name.split("/")[2]
        identity = name.replace("/", "").replace("_", "").replace(".", "")
        members[f"{name.rsplit('/', 2)[0]}/{label}/{identity}_5.txt"] = content + f" {identity}".encode()
    dataset = load_archives([write_archive(tmp_path / "a.tar.gz", members)], PROGRESS)
    model = book.train_model(dataset, replace(TINY_RECIPE, learning_rate=0.1), PROGRESS)
    own = measure(model.predict_rows(model.encode(dataset.train.sequences)), dataset.train.labels)
    held_out = measure(model.held_out.probabilities, model.held_out.labels)
    assert own["accuracy"] > held_out["accuracy"] + 0.15
    assert len(model.held_out.labels) == len(dataset.train)


def test_recipe_for_fewer_reviews_keeps_its_shares() -> None:
    assert Book().scaled(2 * FULL) == Book()
    for reviews, validation, batch_size in ((20_000, 8_000, 410), (100, 40, 8)):
        smaller = Book().scaled(reviews)
        assert (smaller.validation, smaller.batch_size, smaller.epochs) == (validation, batch_size, Book().epochs)
