"""The book's steps on a tiny data set."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from app.inference.bundle import Bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from tests.conftest import TINY_RECIPE
from tests.corpus import files, write_folder
from training.archive import load_archives
from training.dataset import Dataset
from training.evaluation import BOOK as PRINTED
from training.evaluation import measure
from training.network import Batches, build, fix_seed, predict
from training.procedure import favoured_epochs
from training.recipe import BEST, BOOK, FULL, Distillation, adapted
from training.train import train

PROGRESS = Progress(disable=True)


@pytest.fixture(scope="module")
def dataset(archive: Path) -> Dataset:
    return load_archives([archive], PROGRESS)


def test_train_again_gives_the_same_numbers_even_beside_a_damaged_bundle(
    dataset: Dataset, bundle: Bundle, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models / "1", tmp_path / "tiny/2")  # damaged: its manifest says that it is version 1
    with Progress(console=Console(stderr=True)) as progress:
        again = load_bundle(train(dataset, TINY_RECIPE, tmp_path / "tiny", "3", progress).bundle)
    assert "the model card will not compare" in capsys.readouterr().err
    assert "version 2" not in (again.folder / "report/MODEL_CARD.md").read_text()
    assert again.manifest.metrics == bundle.manifest.metrics
    assert again.golden == bundle.golden
    for name in ("report/history.json", "report/evaluation.json", "word_index.json", "report/loss.png"):
        assert again.manifest.files[name] == bundle.manifest.files[name]


def test_train_writes_a_complete_report(bundle: Bundle, dataset: Dataset) -> None:
    report = bundle.folder / "report"
    history = json.loads((report / "history.json").read_text())
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), TINY_RECIPE.epochs
    )
    evaluation = json.loads((report / "evaluation.json").read_text())
    assert set(evaluation) == {"test", "book", "validation", "behaviour", "telling_terms"}
    assert evaluation["book"] == PRINTED
    test = evaluation["test"]
    assert test["reviews"] == sum(test["confusion"].values()) == len(dataset.test)
    assert test["accuracy"] == bundle.manifest.metrics["accuracy"]
    assert evaluation["validation"]["epochs"] == bundle.manifest.recipe["final_epochs"]
    card = (report / "MODEL_CARD.md").read_text()
    assert f"{test['accuracy']:.4f}" in card
    assert test["worst_mistakes"][0]["review"] in card
    for name in ("loss.png", "accuracy.png"):
        assert (report / name).read_bytes().startswith(b"\x89PNG")


def test_served_predictions_equal_the_evaluation(classifier: Classifier, bundle: Bundle, dataset: Dataset) -> None:
    rows = [bundle.vocabulary.encode_tokens(tokens) for tokens in dataset.test.sequences]
    served = np.array([p.positive_probability for p in classifier.predict_rows(rows)], np.float32)
    metrics = measure(served, dataset.test.labels)
    assert metrics == pytest.approx(bundle.manifest.metrics, abs=1e-6)
    assert metrics["accuracy"] > 0.9


def test_train_best_recipe_learns_terms_from_a_teacher(dataset: Dataset, tmp_path: Path) -> None:
    """The whole recipe, scaled down; synthetic reviews with another seed are the unlabelled ones."""
    recipe = replace(
        BEST,
        validation=30,
        epochs=4,
        batch_size=16,
        distillation=Distillation(rarest_term=2, rarest_column=2, summary=10),
    )
    others = {f"aclImdb/train/unsup/{i}_0.txt": text for i, text in enumerate(files(40, seed=1).values())}
    folder = write_folder(tmp_path, files() | others)
    whole = load_archives([folder], PROGRESS, recipe.encoding.kept_punctuation)
    assert len(whole.unlabelled) == 160
    assert whole.digest == dataset.digest
    one, two = (load_bundle(train(whole, recipe, tmp_path / name / "tiny", "1", PROGRESS).bundle) for name in "ab")
    assert one.manifest.metrics == two.manifest.metrics
    assert one.manifest.metrics["accuracy"] > 0.9
    assert any(" " in term for term in one.vocabulary.word_index)
    assert "!" in one.vocabulary.word_index
    assert one.manifest.recipe["distillation"]["summary"] == 10  # type: ignore[index,call-overload]
    assert one.manifest.dataset["unlabelled_reviews"] == 160
    open_classifier(one, "tensorflow")


def test_recipe_for_fewer_reviews_keeps_its_shares() -> None:
    assert adapted(BOOK, 2 * FULL) is BOOK
    for reviews, validation, batch_size in ((20_000, 8_000, 410), (100, 40, 8)):
        smaller = adapted(BOOK, reviews)
        assert (smaller.validation, smaller.batch_size, smaller.epochs) == (validation, batch_size, BOOK.epochs)
    distillation = adapted(BEST, 5_000).distillation
    assert distillation is not None
    assert (distillation.rarest_term, distillation.rarest_column) == (2, 6)


def test_favoured_epochs_is_the_earliest_smallest_loss() -> None:
    assert favoured_epochs({"val_loss": [0.5, 0.3, 0.3, 0.4]}) == 2


def test_build_makes_the_books_network(bundle: Bundle) -> None:
    fix_seed(0)
    network = build(TINY_RECIPE, 1)
    shapes = [tuple(variable.shape) for variable in network.trainable_variables]
    assert shapes == [(10_000, 16), (16,), (16, 16), (16,), (16, 1), (1,)]
    rows = [bundle.vocabulary.encode("superb")] * 3
    assert predict(network, Batches(bundle.vocabulary, rows, np.zeros(3, np.float32), 2)).shape == (3,)
