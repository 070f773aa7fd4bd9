"""How good a network is, measured on reviews that it has not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.vocabulary import Row
from training.calibration import SMALLEST
from training.dataset import Split

BOOK = {"loss": 0.293, "accuracy": 0.883}
"""What the book's listing 3.9 prints for the test reviews."""

CALIBRATION_BINS = 15
RESAMPLES = 2000
"""Bootstrap samples for the interval around the accuracy."""

Probabilities = NDArray[np.float32]
"""float32 (reviews,), in [0, 1]."""
Labels = NDArray[np.float32]
"""float32 (reviews,), 0.0 or 1.0."""


def measure(probabilities: Probabilities, labels: Labels) -> dict[str, float]:
    """Measure predictions against what the authors thought.

    Returns:
        loss: Mean binary cross-entropy in nats, as Keras computes it. accuracy: Share of reviews on the right side of
        0.5. brier: Mean squared error of the probability. auc: Chance that a positive review scores above a negative
        one. calibration_error: Expected calibration error, see `calibration`.
    """
    p = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    y = labels.astype(np.float64)
    return {
        "loss": float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))),
        "accuracy": float(np.mean(right(probabilities, labels))),
        "brier": float(np.mean((p - y) ** 2)),
        "auc": auc(probabilities, labels),
        "calibration_error": sum(
            bin_["share"] * abs(bin_["probability"] - bin_["positive"]) for bin_ in calibration(probabilities, labels)
        ),
    }


def right(probabilities: Probabilities, labels: Labels) -> NDArray[np.bool_]:
    """Which reviews are on the right side of one half; an even 0.5 counts as positive, as when served."""
    return np.asarray((probabilities >= 0.5) == (labels == 1), np.bool_)


def auc(probabilities: Probabilities, labels: Labels) -> float:
    """Area under the ROC curve, from ranks (Mann & Whitney 1947); ties count half."""
    _, place, count = np.unique(probabilities, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]  # (reviews,), from 1, equal for ties
    positive = labels == 1
    n, m = int(positive.sum()), int((~positive).sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def calibration(probabilities: Probabilities, labels: Labels) -> list[dict[str, float]]:
    """Compare probabilities with what came true, in 15 bins of equal width (Guo et al., ICML 2017).

    Returns:
        For each bin that is not empty: share of all reviews, mean probability, share of positive reviews.
    """
    place = np.minimum((probabilities * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "share": float(np.mean(place == i)),
            "probability": float(np.mean(probabilities[place == i], dtype=np.float64)),
            "positive": float(np.mean(labels[place == i], dtype=np.float64)),
        }
        for i in np.unique(place)
    ]


def accuracy_interval(probabilities: Probabilities, labels: Labels) -> list[float]:
    """The middle 95 % of the accuracy over bootstrap samples of the reviews (seed 0)."""
    hit = right(probabilities, labels)
    rng = np.random.default_rng(0)
    # How many of n draws with replacement hit is binomial: no need to draw them one by one.
    samples = rng.binomial(len(hit), hit.mean(), RESAMPLES) / len(hit)
    return [float(np.quantile(samples, 0.025)), float(np.quantile(samples, 0.975))]


def wilson_interval(accuracy: float, reviews: int) -> list[float]:
    """The 95 % interval of Wilson (1927), which stays honest where reviews are few or all of them are right.

    Args:
        accuracy: Share of reviews that were judged rightly.
        reviews: How many there were.
    """
    z2 = 1.96**2
    middle = (accuracy + z2 / (2 * reviews)) / (1 + z2 / reviews)
    reach = np.sqrt(z2 * (accuracy * (1 - accuracy) / reviews + z2 / (4 * reviews**2))) / (1 + z2 / reviews)
    return [float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))]


def confusion(probabilities: Probabilities, labels: Labels) -> dict[str, int]:
    """Count right and wrong answers of each kind."""
    said, is_ = probabilities >= 0.5, labels == 1
    return {
        "true_positive": int(np.sum(said & is_)),
        "false_positive": int(np.sum(said & ~is_)),
        "true_negative": int(np.sum(~said & ~is_)),
        "false_negative": int(np.sum(~said & is_)),
    }


def by_group(values: NDArray[Any], edges: list[float], hit: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Accuracy of the reviews whose value lies in [edge, next edge); groups without reviews are left out."""
    place = np.digitize(values, edges) - 1
    return [
        {"from": edges[i], "reviews": int(np.sum(place == i)), "accuracy": float(np.mean(hit[place == i]))}
        for i in np.unique(place)
    ]


def worst_mistakes(probabilities: Probabilities, test: Split, count: int = 10) -> list[dict[str, Any]]:
    """The reviews whose probability is furthest from the truth, by name; never their text."""
    order = np.argsort(-np.abs(probabilities - test.labels), kind="stable")[:count]
    return [{"review": test.names[i], "positive_probability": float(probabilities[i])} for i in order]


def evaluate(probabilities: Probabilities, test: Split, rows: Sequence[Row]) -> dict[str, Any]:
    """What the bundle's report/evaluation.json holds of the test reviews.

    Args:
        probabilities: What the network says.
        test: The reviews.
        rows: The same, encoded.
    """
    words = np.array([row.words for row in rows])
    unknown = np.array([1 - row.known_words / max(row.words, 1) for row in rows])
    hit = right(probabilities, test.labels)
    return {
        "reviews": len(test),
        **measure(probabilities, test.labels),
        "accuracy_interval": accuracy_interval(probabilities, test.labels),
        "confusion": confusion(probabilities, test.labels),
        "calibration": calibration(probabilities, test.labels),
        "by_words": by_group(words, [0, 50, 100, 200, 400, 800], hit),
        "by_unknown_share": by_group(unknown, [0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5], hit),
        "worst_mistakes": worst_mistakes(probabilities, test),
    }


def constant(train: Split, test: Split) -> dict[str, float]:
    """What one would reach on the test reviews without reading any: the training's share of positive ones for all.

    Returns:
        loss and accuracy, as `measure` has them; a network that is not better has learnt nothing.
    """
    share = np.full(len(test), train.labels.mean(), np.float32)
    measured = measure(share, test.labels)
    return {name: measured[name] for name in ("loss", "accuracy")}


def headline(report: dict[str, Any]) -> dict[str, float]:
    """The figures of an evaluation that the manifest repeats."""
    return {name: report["test"][name] for name in ("loss", "accuracy", "brier", "auc", "calibration_error")}
