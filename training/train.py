"""From reviews to a bundle, in the book's order (Chollet, *Deep Learning with Python*, 3.4)."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from app.inference.bundle import staged_bundle, write_golden, write_json, write_manifest, write_word_index
from app.inference.vocabulary import Vocabulary
from training.dataset import Dataset, Split, build_vocabulary, hold_out, shuffled
from training.evaluation import evaluation, measure
from training.golden import REVIEWS, golden_reviews
from training.network import Batches, History, build, export, fit, fix_seed, predict
from training.plots import plot_history
from training.recipe import Recipe

EVALUATION_BATCH = 512
"""Reviews a batch outside training, where the size changes no result."""


@dataclass(frozen=True)
class Trained:
    """What a run produced.

    Attributes:
        bundle: The folder of the new bundle.
        epochs: The epoch count that validation favoured.
        history: Of the run with validation.
        evaluation: On the test reviews, and the book's figures beside them.
    """

    bundle: Path
    epochs: int
    history: History
    evaluation: dict[str, Any]


def train(dataset: Dataset, recipe: Recipe, models: Path, bundle_version: str, progress: Progress) -> Trained:
    """Train a network and write its bundle.

    Args:
        dataset: The reviews.
        recipe: How to train.
        models: The folder of versions; its name is the bundle's.
        bundle_version: The new bundle's number.
        progress: Shows how far each step is.

    Raises:
        SourceError: The data set is too small for the recipe's validation split.
        BundleExists: The version is taken.
    """
    with staged_bundle(models, bundle_version) as folder:
        fix_seed(recipe.seed)
        vocabulary = build_vocabulary(dataset, recipe.encoding)
        training = shuffled(dataset.train, recipe.seed)

        # A first network, only to see where over-fitting begins.
        partial, validation = hold_out(training, recipe.validation)
        history = _search(vocabulary, partial, validation, recipe, progress)
        epochs = favoured_epochs(history)

        # The network to keep: from scratch, on every training review, for just that long.
        network = build(recipe)
        batches = _batches(vocabulary, training, recipe.batch_size, progress, recipe.seed)
        with _task(progress, f"training on all {len(training):,} reviews", epochs * len(batches)) as advance:
            fit(network, batches, epochs, advance)

        probabilities = predict(network, _batches(vocabulary, dataset.test, EVALUATION_BATCH, progress))
        report = evaluation(probabilities, dataset.test.labels) | {
            "validation": {"reviews": len(validation), "epochs_favoured": epochs, **_epoch(history, epochs)}
        }

        export(network, folder)
        write_word_index(folder, vocabulary)
        rows = [vocabulary.encode(review) for review in REVIEWS]
        golden = predict(network, Batches(vocabulary, rows, np.zeros(len(rows), np.float32), len(rows)))
        write_golden(folder, golden_reviews([float(p) for p in golden]))
        reports = folder / "report"
        reports.mkdir()
        write_json(reports / "history.json", history)
        write_json(reports / "evaluation.json", report)
        plot_history(history, "loss", epochs, reports / "loss.png")
        plot_history(history, "accuracy", epochs, reports / "accuracy.png")
        write_manifest(
            folder,
            name=models.resolve().name,
            version=bundle_version,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            encoding=recipe.encoding,
            vocabulary_size=len(vocabulary),
            recipe=recipe.as_json() | {"final_epochs": epochs},
            dataset={
                "source": dataset.name,
                "sha256": dataset.digest,
                "training_reviews": len(dataset.train),
                "test_reviews": len(dataset.test),
            },
            metrics=measure(probabilities, dataset.test.labels),
            libraries=_libraries(),
        )
    return Trained(models / bundle_version, epochs, history, report)


def favoured_epochs(history: History) -> int:
    """The epoch count with the smallest validation loss; the earliest of equals."""
    return int(np.argmin(history["val_loss"])) + 1


def _epoch(history: History, epoch: int) -> dict[str, float]:
    return {"loss": history["val_loss"][epoch - 1], "accuracy": history["val_accuracy"][epoch - 1]}


def _search(vocabulary: Vocabulary, partial: Split, validation: Split, recipe: Recipe, progress: Progress) -> History:
    batches = _batches(vocabulary, partial, recipe.batch_size, progress, recipe.seed)
    held_out = _batches(vocabulary, validation, EVALUATION_BATCH, progress)
    with _task(progress, f"{recipe.epochs} epochs with validation", recipe.epochs * len(batches)) as advance:
        return fit(build(recipe), batches, recipe.epochs, advance, held_out)


def _batches(
    vocabulary: Vocabulary, split: Split, size: int, progress: Progress, order_seed: int | None = None
) -> Batches:
    with _task(progress, f"encoding {len(split):,} reviews", len(split)) as advance:
        rows = []
        for tokens in split.sequences:
            rows.append(vocabulary.encode_tokens(tokens))
            advance()
    rng = None if order_seed is None else np.random.default_rng(order_seed)
    return Batches(vocabulary, rows, split.labels, size, rng)


@contextmanager
def _task(progress: Progress, description: str, total: int) -> Iterator[Callable[[], None]]:
    task = progress.add_task(description, total=total)
    yield lambda: progress.advance(task)
    progress.update(task, completed=total)


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("tensorflow", "tensorflow-cpu", "keras", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # tensorflow and tensorflow-cpu are one library; only one of them is installed
    return found
