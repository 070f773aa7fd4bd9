"""Run a recipe and write the bundle: network, word index, golden reviews, profile, report, manifest."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from app.bundles import writing
from app.bundles.manifest import NETWORK, Golden
from app.bundles.profile import Profile, profile_of
from app.model.network import Network
from app.model.prediction import prediction_of
from app.model.runtimes import BATCH, RUNTIMES, Runtime, TensorFlowRuntime
from app.model.vocabulary import Row
from training.compare import Served
from training.dataset import Dataset, Split
from training.errors import TrainingError
from training.network import Recipe, TrainedModel, export
from training.report import evaluate_model, write_report

GOLDEN = (
    "One of the best films I have seen in years. The acting is superb and the story moved me to tears.",
    "A complete waste of time. The plot makes no sense, the acting is awful and the jokes fall flat.",
    "I didn't like it, and I wouldn't watch it again.",
    "I didn\u2019t like it \u2014 and I wouldn\u2019t watch it again\u2026",
    "WONDERFUL! Truly wonderful!! A 10/10 for everyone involved.",
    "wonderful truly wonderful a 10 10 for everyone involved",
    "The first half is dull.<br /><br />The second half, however, is great fun.",
    "Not bad, not good either; it passes the time on a rainy evening.",
    "Qwxzy blorfed the grumbletwist.",
    "Boring",
    "Loved it.",
    "...!?",
    "Une \u0153uvre magnifique, un chef-d\u2019\u0153uvre absolu \U0001f600",
    "The director's earlier work was poor, but this one is an excellent, beautifully shot and touching drama.",
)
"""Reviews whose probabilities go into every bundle, to verify it when it is loaded. They show what a broken tokeniser
or word index would get wrong. Written for this purpose: no review of the data set may be published."""

RUNTIME_TOLERANCE = 1e-5
"""Maximum difference between the runtimes' probabilities for a review."""


def train_bundle(
    dataset: Dataset,
    recipe: Recipe,
    models: Path,
    version: str,
    progress: Progress,
    sentences: Split | None = None,
    served: Served | None = None,
) -> dict[str, Any]:
    """Run a recipe and write the bundle to `models/version`, complete or not at all.

    `sentences` are short texts that the report evaluates, too. The model card compares the new bundle with `served`.
    Returns the content of report/evaluation.json.

    Raises:
        TrainingError: The data set is too small for the recipe.
        BundleError: The version exists, or writing failed, for example because the disk is full.
    """
    with writing.staged_bundle(models, version) as folder:
        model: TrainedModel = import_module(f"training.{recipe.name}").train_model(dataset, recipe, progress)
        test_rows = model.encode(dataset.test.sequences)
        report = evaluate_model(model, dataset, test_rows, sentences)
        metrics = {name: report["test"][name] for name in ("loss", "accuracy", "brier", "auc", "calibration_error")}
        unlabelled = {"unlabelled_reviews": len(dataset.unlabelled), "unlabelled_sha256": dataset.unlabelled_digest}
        facts = {
            "name": models.resolve().name,
            "version": version,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "encoding": asdict(model.vocabulary.encoding),
            "uncertainty": asdict(model.uncertainty),
            "promise": model.promise,
            "vocabulary_size": len(model.vocabulary),
            "recipe": {"name": recipe.name, **json.loads(json.dumps(asdict(recipe))), "final_epochs": model.epochs},
            "dataset": {
                "source": dataset.name,
                "sha256": dataset.digest,
                "training_reviews": len(dataset.train),
                "test_reviews": len(dataset.test),
                **(unlabelled if recipe.reads_unlabelled else {}),
                **(dataset.own or {}),
            },
            "metrics": metrics,
            "libraries": _libraries(),
        }
        export(model.network, folder)
        writing.write_word_index(folder, model.vocabulary)
        texts = GOLDEN if dataset.own is None else GOLDEN + _golden_terms(report["top_terms"])
        golden = zip(texts, model.predict(texts), strict=True)
        writing.write_golden(folder, [Golden(review=text, positive_probability=p) for text, p in golden])
        writing.write_profile(folder, _profile(model))
        _check_runtimes(folder, test_rows)
        write_report(folder / "report", facts, report, model.history, served)
        writing.write_manifest(folder, **facts)
    return report


def _golden_terms(top_terms: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Golden reviews for a bundle of other reviews, whose language may have no word of GOLDEN.

    They consist of the bundle's strongest terms, so they reveal nothing that its word index does not.
    """
    good, bad = top_terms["positive"][:8], top_terms["negative"][:8]
    mixed = [term for pair in zip(good, bad, strict=False) for term in pair]
    quoted = "\u201c" + " \u2014 ".join(mixed[:6]) + "\u2026\u201d"
    upper, backwards, lines = " ".join(mixed).upper(), ", ".join(reversed(mixed)), "<br />".join(mixed[:6])
    return (" ".join(good), " ".join(bad), upper, backwards, lines, quoted, *good[:4], *bad[:4])


def _profile(model: TrainedModel) -> Profile:
    """The distribution of held-out predictions, with which the service compares what it receives."""
    held_out = model.held_out
    counts = zip(held_out.probabilities.tolist(), held_out.words.tolist(), held_out.known_words.tolist(), strict=True)
    return profile_of(prediction_of(*review, model.uncertainty) for review in counts)


def _check_runtimes(folder: Path, rows: Sequence[Row]) -> None:
    runtimes: tuple[Runtime, ...] = (TensorFlowRuntime(folder), Network.read((folder / NETWORK).read_bytes()))
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    probabilities = [np.concatenate([runtime(batch) for batch in batches]) for runtime in runtimes]  # (reviews,) each
    if (apart := float(np.ptp(probabilities, axis=0).max())) > RUNTIME_TOLERANCE:
        raise TrainingError(f"the runtimes {' and '.join(RUNTIMES)} differ by {apart:g}; no bundle was written")


def _libraries() -> dict[str, str]:
    # tensorflow and tensorflow-cpu are one library; only one of them is installed
    names = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "scikit-learn")
    installed = {name: next(iter(distributions(name=name)), None) for name in names}
    return {"python": platform.python_version()} | {name: found.version for name, found in installed.items() if found}
