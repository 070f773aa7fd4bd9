"""How good predictions are, measured on reviews that the network was not trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from app.inference.prediction import UncertaintyRule
from training.dataset import Split
from training.network import HeldOut
from training.uncertainty import coverage

BOOK = {"loss": 0.293, "accuracy": 0.883}
"""What the book's listing 3.9 prints for the test reviews."""

BINS = 15
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1, as in Keras, so that the loss is finite."""


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, float]:
    """Measure predictions; both arrays are (reviews,), and both classes occur.

    Returns:
        loss: Mean binary cross-entropy in nats. accuracy: Share of reviews on the right side of 0.5. brier: Mean
        squared error of the probability. auc: Area under the ROC curve. calibration_error: Expected calibration error
        over 15 bins.
    """
    p = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    bins = calibration(probabilities, labels)
    return {
        "loss": float(log_loss(labels, p)),
        "accuracy": float(np.mean(right(probabilities, labels))),
        "brier": float(brier_score_loss(labels, p)),
        "auc": float(roc_auc_score(labels, p)),
        "calibration_error": sum(bin_["share"] * abs(bin_["probability"] - bin_["positive"]) for bin_ in bins),
    }


def right(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which reviews are on the right side of 0.5, which counts as positive; bool (reviews,)."""
    return np.asarray((probabilities >= 0.5) == (labels == 1), np.bool_)


def calibration(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> list[dict[str, float]]:
    """Compare probabilities with shares of positive reviews, in 15 bins of equal width (Guo et al., ICML 2017).

    Both arrays are (reviews,). Empty bins are left out.
    """
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)  # (reviews,)
    return [
        {
            "share": float(np.mean(place == i)),
            "probability": float(np.mean(probabilities[place == i], dtype=np.float64)),
            "positive": float(np.mean(labels[place == i], dtype=np.float64)),
        }
        for i in np.unique(place)
    ]


def evaluate(held_out: HeldOut, rule: UncertaintyRule) -> dict[str, Any]:
    """Metrics, the 95 % interval of the accuracy (Wilson 1927), and how many predictions are certain."""
    hits = right(held_out.probabilities, held_out.labels)
    interval = binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return {
        "reviews": len(hits),
        **measure(held_out.probabilities, held_out.labels),
        "accuracy_interval": [float(interval.low), float(interval.high)],
        **coverage(rule, held_out),
    }


def details(held_out: HeldOut, names: Sequence[str]) -> dict[str, Any]:
    """What the report says about the test set, in addition to `evaluate`; never the text of a review."""
    p, labels = held_out.probabilities, held_out.labels
    tn, fp, fn, tp = map(int, confusion_matrix(labels == 1, p >= 0.5, labels=[False, True]).ravel())
    unknown = 1 - held_out.known_words / np.maximum(held_out.words, 1)  # (reviews,), the share of unknown words
    hits = right(p, labels)  # (reviews,)
    worst = np.argsort(-np.abs(p - labels), kind="stable")[:10]  # (10,)
    return {
        "confusion": {"true_positive": tp, "false_positive": fp, "true_negative": tn, "false_negative": fn},
        "calibration": calibration(p, labels),
        "by_words": _by_group(held_out.words, [0, 50, 100, 200, 400, 800], hits),
        "by_unknown_share": _by_group(unknown, [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5], hits),
        "worst_mistakes": [{"review": names[i], "positive_probability": float(p[i])} for i in worst],
    }


def _by_group(values: NDArray[Any], edges: list[float], hits: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Accuracy of the reviews whose value is in [edge, next edge); empty groups are left out."""
    place = np.digitize(values, edges) - 1  # (reviews,)
    return [
        {"from": edges[i], "reviews": int(np.sum(place == i)), "accuracy": float(np.mean(hits[place == i]))}
        for i in np.unique(place)
    ]


def constant(train: Split, test: Split) -> dict[str, float]:
    """Loss and accuracy on the test set if each review gets the training set's share of positive ones."""
    measured = measure(np.full(len(test), train.labels.mean(), np.float32), test.labels)
    return {name: measured[name] for name in ("loss", "accuracy")}
