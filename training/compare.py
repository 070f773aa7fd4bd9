"""`python -m training compare A B`: should bundle B replace bundle A?"""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.bundle import load_bundle
from app.inference.classifier import BATCH, open_classifier
from training.archive import Review, labels_of
from training.evaluation import measure, right


@dataclass(frozen=True)
class Side:
    """One bundle's answers.

    Attributes:
        probabilities: float32 (reviews,).
        metrics: See `training.evaluation.measure`.
        microseconds: A review, tokenised, encoded and scored in batches as large as the service makes.
    """

    probabilities: NDArray[np.float32]
    metrics: dict[str, float]
    microseconds: float


def mcnemar(only_a: int, only_b: int) -> float:
    """The chance of a split at least this uneven if both were equally good (McNemar 1947; exact, two-sided).

    Args:
        only_a: Reviews that only A gets right.
        only_b: Reviews that only B gets right.
    """
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    return min(1.0, 2 * sum(map(math.exp, logs)))


def judge(folder: Path, reviews: list[Review]) -> Side:
    """Score reviews with a bundle as the service does, and time it."""
    classifier = open_classifier(load_bundle(folder), "tensorflow")
    answers: list[float] = []
    started = time.perf_counter()
    for start in range(0, len(reviews), BATCH):
        batch = [review.text for review in reviews[start : start + BATCH]]
        answers += [prediction.positive_probability for prediction in classifier.predict(batch)]
    seconds = time.perf_counter() - started
    probabilities = np.array(answers, np.float32)
    return Side(probabilities, measure(probabilities, labels_of(reviews)), 1e6 * seconds / len(reviews))


def compare(a: Side, b: Side, labels: NDArray[np.float32]) -> dict[str, Any]:
    """Compare two bundles' answers to the same reviews.

    Returns:
        accuracy_difference: B's less A's. only_a, only_b: reviews that only one gets right. p_value: McNemar's.
        flipped: share of reviews whose sentiment changes.
    """
    right_a, right_b = right(a.probabilities, labels), right(b.probabilities, labels)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    return {
        "accuracy_difference": b.metrics["accuracy"] - a.metrics["accuracy"],
        "only_a": only_a,
        "only_b": only_b,
        "p_value": mcnemar(only_a, only_b),
        "flipped": float(np.mean((a.probabilities >= 0.5) != (b.probabilities >= 0.5))),
    }


def verdict(result: dict[str, Any]) -> str:
    """Say in words what the comparison means."""
    if result["p_value"] >= 0.05:
        return "no: the difference could well be chance (McNemar's p of 0.05 or more)"
    return "yes: B is better" if result["accuracy_difference"] > 0 else "no: A is better"
