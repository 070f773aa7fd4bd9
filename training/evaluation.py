"""How good a network is, measured on reviews that it has not seen."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BOOK = {"loss": 0.293, "accuracy": 0.883}
"""What the book's listing 3.9 prints for the test reviews."""

_SMALLEST = 1e-7
"""Keras's epsilon: probabilities are kept this far from 0 and 1, so that the loss stays finite."""


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, float]:
    """Measure predictions against what the authors thought.

    Args:
        probabilities: float32 (reviews,), in [0, 1].
        labels: float32 (reviews,), 0.0 or 1.0.

    Returns:
        loss: Mean binary cross-entropy in nats, as Keras computes it. accuracy: Share of reviews on the right side of
        0.5. brier: Mean squared error of the probability.
    """
    p = np.clip(probabilities.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    y = labels.astype(np.float64)
    return {
        "loss": float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))),
        "accuracy": float(np.mean((probabilities >= 0.5) == (labels == 1))),
        "brier": float(np.mean((p - y) ** 2)),
    }


def confusion(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, int]:
    """Count right and wrong answers of each kind."""
    said, is_ = probabilities >= 0.5, labels == 1
    return {
        "true_positive": int(np.sum(said & is_)),
        "false_positive": int(np.sum(said & ~is_)),
        "true_negative": int(np.sum(~said & ~is_)),
        "false_negative": int(np.sum(~said & is_)),
    }


def evaluation(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, Any]:
    """What the bundle's report/evaluation.json holds."""
    return {
        "test": {
            "reviews": len(labels),
            **measure(probabilities, labels),
            "confusion": confusion(probabilities, labels),
        },
        "book": BOOK,
    }
