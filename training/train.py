"""From reviews to a bundle, in the book's order (Chollet, *Deep Learning with Python*, 3.4)."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from app.inference.bundle import (
    bundle_versions,
    load_bundle,
    staged_bundle,
    write_golden,
    write_json,
    write_manifest,
    write_profile,
    write_word_index,
)
from app.inference.classifier import Classifier
from app.inference.errors import SentimentError
from app.inference.prediction import Prediction, UncertaintyRule
from app.inference.profile import Profile, profile_of
from app.inference.runtimes import RUNTIMES, open_runtime
from app.inference.vocabulary import Row, Vocabulary
from training.behaviour import behaviour
from training.card import model_card
from training.dataset import Dataset, Split, shuffled
from training.errors import TrainingError
from training.evaluation import BOOK, constant, evaluate, headline, wilson_interval
from training.golden import REVIEWS, golden_reviews, own_texts
from training.network import History, export, fix_seed
from training.notices import tell
from training.plots import plot_history, plot_reliability
from training.procedure import Learnt, follow
from training.recipe import Recipe
from training.telling import telling_terms

RUNTIME_TOLERANCE = 1e-5
"""How far the runtimes' probabilities for a review may be apart."""

UNCERTAINTY = UncertaintyRule(above=0.05, below=0.95, min_known_words=4, min_known_share=0.2)


@dataclass(frozen=True)
class Trained:
    """What a run produced.

    Attributes:
        bundle: The folder of the new bundle.
        epochs: How long the final network was trained.
        evaluation: On the test reviews, and beside it the book's figures or, for own reviews, those of `constant`.
    """

    bundle: Path
    epochs: int
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
        BundleUnwritable: The system refused to write; the disk is full, say.
    """
    with staged_bundle(models, bundle_version) as folder:
        previous = _previous(models, bundle_version, progress)  # before the work: what it finds is told at once
        fix_seed(recipe.seed)
        outcome = follow(
            dataset, shuffled(dataset.train, recipe.seed), recipe, progress, smooth=dataset.own is not None
        )
        final, history, epochs = outcome.learnt, outcome.history, outcome.epochs

        test_rows = final.encode(dataset.test.sequences)
        test = evaluate(final.judge(test_rows), dataset.test, test_rows)  # the one look at the test reviews
        if dataset.own is None:
            report = {"test": test, "book": BOOK}
        else:
            test["accuracy_interval"] = wilson_interval(test["accuracy"], test["reviews"])
            report = {"test": test, "constant": constant(dataset.train, dataset.test)}
        report["behaviour"] = behaviour(final.score)
        report["telling_terms"] = telling_terms(final.network, final.vocabulary)
        report["validation"] = {
            "reviews": outcome.validation,
            "epochs": epochs,
            "loss": history["val_loss"][epochs - 1],
            "accuracy": history["val_accuracy"][epochs - 1],
        }
        facts = {
            "name": models.resolve().name,
            "version": bundle_version,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "encoding": asdict(recipe.encoding),
            "uncertainty": asdict(UNCERTAINTY),
            "vocabulary_size": len(final.vocabulary),
            "recipe": recipe.as_json() | {"final_epochs": epochs},
            "dataset": _sources(dataset, recipe),
            "metrics": headline(report),
            "libraries": _libraries(),
        }
        export(final.network, folder)
        write_word_index(folder, final.vocabulary)
        texts = REVIEWS if dataset.own is None else REVIEWS + own_texts(report["telling_terms"])
        write_golden(folder, golden_reviews(texts, final.score(texts)))
        write_profile(folder, _profile(final, dataset.train))
        _check_runtimes(folder, final.vocabulary, test_rows)
        _write_report(folder / "report", report, history, epochs)
        card = model_card(facts, report, previous)
        (folder / "report" / "MODEL_CARD.md").write_text(card, encoding="utf-8", newline="\n")
        write_manifest(folder, **facts)
    return Trained(models / bundle_version, epochs, report)


def _profile(learnt: Learnt, labelled: Split) -> Profile:
    """How the training reviews are spread; the service compares with it what people send."""
    rows = learnt.encode(labelled.sequences)
    probabilities: list[float] = learnt.judge(rows).tolist()
    return profile_of(
        Prediction(
            probability, row.words, row.known_words, UNCERTAINTY.applies(probability, row.words, row.known_words)
        )
        for probability, row in zip(probabilities, rows, strict=True)
    )


def _check_runtimes(folder: Path, vocabulary: Vocabulary, rows: Sequence[Row]) -> None:
    """Make sure that every runtime gives the same answers to all test reviews."""
    classifiers = [Classifier(vocabulary, open_runtime(name, folder), UNCERTAINTY) for name in RUNTIMES]
    probabilities = np.array(
        [[prediction.positive_probability for prediction in each.predict_rows(rows)] for each in classifiers]
    )  # (runtimes, reviews)
    if (apart := float(np.ptp(probabilities, axis=0).max())) > RUNTIME_TOLERANCE:
        raise TrainingError(f"the runtimes {', '.join(RUNTIMES)} differ by {apart:g}; no bundle was written")


def _write_report(folder: Path, report: dict[str, Any], history: History, epochs: int) -> None:
    folder.mkdir()
    write_json(folder / "history.json", history)
    write_json(folder / "evaluation.json", report)
    plot_history(history, "loss", epochs, folder / "loss.png")
    plot_history(history, "accuracy", epochs, folder / "accuracy.png")
    plot_reliability(report["test"]["calibration"], folder / "reliability.png")


def _sources(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    sources: dict[str, Any] = {
        "source": dataset.name,
        "sha256": dataset.digest,
        "training_reviews": len(dataset.train),
        "test_reviews": len(dataset.test),
    }
    if recipe.distillation is not None:
        sources |= {"unlabelled_reviews": len(dataset.unlabelled), "unlabelled_sha256": dataset.unlabelled_digest}
    return sources | dict(dataset.own or {})


def _previous(models: Path, bundle_version: str, progress: Progress) -> dict[str, Any] | None:
    """The figures of the newest older bundle, for comparison; None without one, or with one that is damaged."""
    older = [number for number in bundle_versions(models) if number < int(bundle_version)]
    if not older:
        return None
    try:
        manifest = load_bundle(models / str(older[-1])).manifest
    except SentimentError as error:  # a new bundle may be what mends it
        tell([f"the model card will not compare with the bundle before, which cannot be read: {error}"], progress)
        return None
    return {"version": manifest.version, **manifest.metrics}


def _libraries() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # tensorflow and tensorflow-cpu are one library; only one of them is installed
    return found
