"""Which probability should count as positive? The service uses 0.5; labelled texts may suggest another threshold."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.model_selection import StratifiedKFold

from app.evaluation.metrics import SIGNIFICANT, right

DEFAULT = 0.5
GRID = np.arange(1, 100) / 100
"""Candidates; finer ones would fit chance."""
FOLDS = 5


@dataclass(frozen=True)
class ClassQuality:
    """How well one class is found.

    Attributes:
        precision: Share of the texts predicted to be in the class that are; None if no text is predicted to be.
        recall: Share of the texts in the class that are predicted to be.
        f1: Harmonic mean of the two; 0 if no prediction of the class is right.
    """

    precision: float | None
    recall: float
    f1: float

    @property
    def cells(self) -> tuple[str, str, str]:
        """Precision, recall and F1 for people."""
        precision = "–" if self.precision is None else f"{self.precision:.3f}"
        return precision, f"{self.recall:.3f}", f"{self.f1:.3f}"


@dataclass(frozen=True)
class Threshold:
    """What happens if texts with at least this probability count as positive."""

    threshold: float
    accuracy: float
    positive: ClassQuality
    negative: ClassQuality


@dataclass(frozen=True)
class BestThreshold:
    """The threshold with the highest accuracy.

    Attributes:
        threshold: The threshold; of several, the nearest to 0.5.
        accuracy: Its accuracy on the same texts, which is too optimistic.
        held_out_accuracy: Accuracy if each fold's threshold is chosen on the other folds.
        p_value: Chance of so large an advantage over 0.5 if neither were better (McNemar 1947; exact, one-sided).
    """

    threshold: float
    accuracy: float
    held_out_accuracy: float
    p_value: float

    @property
    def is_better(self) -> bool:
        """Whether the texts show that it is better than 0.5."""
        return self.p_value < SIGNIFICANT


def quality_at(threshold: float, probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> Threshold:
    """Measure a threshold; both arrays are (texts,), and both classes occur."""
    predicted, actual = probabilities >= threshold, labels == 1  # bool (texts,)
    accuracy = float(np.mean(predicted == actual))
    return Threshold(float(threshold), accuracy, _quality(predicted, actual), _quality(~predicted, ~actual))


def _quality(predicted: NDArray[np.bool_], actual: NDArray[np.bool_]) -> ClassQuality:
    correct, predictions, texts = int(np.sum(predicted & actual)), int(predicted.sum()), int(actual.sum())
    precision = correct / predictions if predictions else None
    return ClassQuality(precision, correct / texts, 2 * correct / (predictions + texts))


def best_threshold(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> BestThreshold:
    """Find the threshold with the highest accuracy, and whether the texts suffice to tell it from 0.5.

    Args:
        probabilities: float32 (texts,).
        labels: float32 (texts,); at least FOLDS texts of each class.
    """
    chosen = _most_accurate(probabilities, labels)
    held_out = np.empty(len(labels), np.bool_)  # whether the prediction is right
    for others, fold in folds(labels):
        held_out[fold] = right(probabilities[fold], labels[fold], _most_accurate(probabilities[others], labels[others]))
    default = right(probabilities, labels)
    gained, lost = int(np.sum(held_out & ~default)), int(np.sum(default & ~held_out))
    p_value = float(binomtest(gained, gained + lost, alternative="greater").pvalue) if gained + lost else 1.0
    accuracy = float(np.mean(right(probabilities, labels, chosen)))
    return BestThreshold(chosen, accuracy, float(held_out.mean()), p_value)


def _most_accurate(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> float:
    accuracy = np.array([np.mean(right(probabilities, labels, threshold)) for threshold in GRID])  # (99,)
    best = GRID[accuracy == accuracy.max()]
    return float(best[np.argmin(np.abs(best - DEFAULT))])


def folds(labels: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split texts into FOLDS folds with the same share of positive ones; the same labels give the same folds.

    Yields:
        The positions of all texts outside of a fold, and of those in it.
    """
    yield from StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels)
