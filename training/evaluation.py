"""What a bundle's report says about its test reviews, in addition to the metrics of `app.evaluation`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from app.evaluation.metrics import HeldOut, measure, reliability
from training.dataset import Split

BOOK = {"loss": 0.293, "accuracy": 0.883}
"""What the book's listing 3.9 prints for the test reviews."""


def details(held_out: HeldOut, names: Sequence[str]) -> dict[str, Any]:
    """What the report says about the test set, in addition to `evaluate`; never the text of a review."""
    p, labels, hits = held_out.probabilities, held_out.labels, held_out.right  # (reviews,)
    tn, fp, fn, tp = map(int, confusion_matrix(labels == 1, p >= 0.5, labels=[False, True]).ravel())
    unknown = 1 - held_out.known_words / np.maximum(held_out.words, 1)  # (reviews,), the share of unknown words
    return {
        "confusion": {"true_positive": tp, "false_positive": fp, "true_negative": tn, "false_negative": fn},
        "calibration": reliability(p, labels),
        "by_words": _by_group(held_out.words, [0, 50, 100, 200, 400, 800], hits),
        "by_unknown_share": _by_group(unknown, [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5], hits),
        "worst_mistakes": [
            {"review": names[i], "positive_probability": float(p[i])} for i in held_out.worst_mistakes(10)
        ],
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
