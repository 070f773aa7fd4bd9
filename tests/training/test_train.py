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
from training.dataset import Dataset, hold_out, shuffled
from training.errors import SourceError
from training.evaluation import BOOK as PRINTED
from training.evaluation import measure
from training.network import Batches, build, fix_seed, predict
from training.procedure import favoured_epochs
from training.recipe import BEST, BOOK, FULL, Distillation, Recipe, adapted
from training.train import train

PROGRESS = Progress(disable=True)


@pytest.fixture(scope="module")
def dataset(archive: Path) -> Dataset:
    return load_archives([archive], PROGRESS)


def test_train_again_with_the_same_seed_gives_the_same_metrics(
    dataset: Dataset, bundle: Bundle, tmp_path: Path
) -> None:
    again = load_bundle(train(dataset, TINY_RECIPE, tmp_path / "tiny", "1", PROGRESS).bundle)
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


def test_train_beside_a_damaged_bundle_says_so_and_goes_on(
    dataset: Dataset, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(models / "1", tmp_path / "tiny/2")  # damaged: its manifest says that it is version 1
    with Progress(console=Console(stderr=True)) as progress:
        trained = train(dataset, TINY_RECIPE, tmp_path / "tiny", "3", progress)
    assert "version 2" not in (trained.bundle / "report/MODEL_CARD.md").read_text()
    assert "the model card will not compare" in capsys.readouterr().err


def test_train_with_too_few_reviews_leaves_nothing(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="--validation"):
        train(dataset, Recipe(validation=len(dataset.train)), tmp_path / "tiny", "1", PROGRESS)
    assert list((tmp_path / "tiny").iterdir()) == []


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


@pytest.mark.parametrize(
    ("recipe", "reviews", "validation", "batch_size"),
    [
        (BOOK, 2 * FULL, 10_000, 512),
        (BEST, FULL, 5_000, 512),
        (BOOK, 20_000, 8_000, 410),
        (BOOK, 100, 40, 8),
        (BEST, 5_000, 1_000, 102),
    ],
)
def test_recipe_for_fewer_reviews_keeps_its_shares(
    recipe: Recipe, reviews: int, validation: int, batch_size: int
) -> None:
    smaller = adapted(recipe, reviews)
    assert (smaller.validation, smaller.batch_size, smaller.epochs) == (validation, batch_size, recipe.epochs)
    if smaller.distillation is not None and reviews == 5_000:
        assert (smaller.distillation.rarest_term, smaller.distillation.rarest_column) == (2, 6)


def test_favoured_epochs_is_the_earliest_smallest_loss() -> None:
    assert favoured_epochs({"val_loss": [0.5, 0.3, 0.3, 0.4]}) == 2


def test_shuffled_mixes_classes_the_same_way_each_time(dataset: Dataset) -> None:
    one, two, other = shuffled(dataset.train, 1), shuffled(dataset.train, 1), shuffled(dataset.train, 2)
    assert one.labels.tolist() == two.labels.tolist() != other.labels.tolist()
    assert one.sequences == two.sequences
    assert 0.25 < one.labels[: len(one) // 2].mean() < 0.75
    assert sorted(map(tuple, one.sequences)) == sorted(map(tuple, dataset.train.sequences))


def test_hold_out_of_one_class_says_so(dataset: Dataset) -> None:
    with pytest.raises(SourceError, match=r"only positive or only negative.* another seed"):
        hold_out(dataset.train, 10)  # not shuffled: the negative ones come first


def test_batches_contain_every_review_once(bundle: Bundle) -> None:
    rows = [bundle.vocabulary.encode("superb")] * 10
    batches = Batches(bundle.vocabulary, rows, np.arange(10, dtype=np.float32), 4, np.random.default_rng(0))
    seen = [batches[i][1][:, 0].tolist() for i in range(len(batches))]
    assert [len(labels) for labels in seen] == [4, 4, 2]
    assert sorted(label for labels in seen for label in labels) == list(range(10))
    batches.on_epoch_end()
    assert batches[0][1][:, 0].tolist() != seen[0]


def test_build_makes_the_books_network(bundle: Bundle) -> None:
    fix_seed(0)
    network = build(TINY_RECIPE, 1)
    shapes = [tuple(variable.shape) for variable in network.trainable_variables]
    assert shapes == [(10_000, 16), (16,), (16, 16), (16,), (16, 1), (1,)]
    rows = [bundle.vocabulary.encode("superb")] * 3
    assert predict(network, Batches(bundle.vocabulary, rows, np.zeros(3, np.float32), 2)).shape == (3,)
