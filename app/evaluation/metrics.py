"""How good predictions are, measured on labelled texts that the network was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, mannwhitneyu
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from ..model.calibration import log_odds
from ..model.prediction import Prediction, UncertaintyRule
from ..model.vocabulary import Row

BINS = 15
SIGNIFICANT = 0.05
"""A difference with a smaller p-value is not chance."""
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1, as in Keras, so that the loss is finite."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions for labelled texts by networks that were not trained on them."""

    probabilities: NDArray[np.float32]  # (texts,), in [0, 1]
    labels: NDArray[np.float32]  # (texts,), 0.0 or 1.0
    words: NDArray[np.intp]  # (texts,), the number of words in each text
    known_words: NDArray[np.intp]  # (texts,), the number of words that belong to a term

    @classmethod
    def of(
        cls, probabilities: NDArray[np.float32], labels: NDArray[np.float32], texts: Sequence[Row | Prediction]
    ) -> "HeldOut":
        """Combine probabilities and labels with the numbers of words of the encoded or scored texts."""
        words, known_words = np.array([(text.words, text.known_words) for text in texts], np.intp).T
        return cls(probabilities, labels, words, known_words)

    def at(self, places: NDArray[np.intp]) -> "HeldOut":
        """Those of some texts."""
        return HeldOut(self.probabilities[places], self.labels[places], self.words[places], self.known_words[places])

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Those of the probabilities; (texts,)."""
        return np.array([log_odds(p) for p in self.probabilities.tolist()])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which predictions are right; bool (texts,)."""
        return right(self.probabilities, self.labels)

    def worst_mistakes(self, count: int) -> list[int]:
        """Positions of the most confident mistakes, worst first; at most `count`."""
        order, hits = np.argsort(-np.abs(self.probabilities - self.labels), kind="stable"), self.right  # (texts,) each
        return [int(i) for i in order[:count] if not hits[i]]


def measure(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, float]:
    """Measure predictions; both arrays are (texts,), and both classes occur.

    Returns:
        loss: Mean binary cross-entropy in nats. accuracy: Share of texts on the right side of 0.5. brier: Mean
        squared error of the probability. auc: Area under the ROC curve. calibration_error: Expected calibration error
        over 15 bins.
    """
    p = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    bins = reliability(probabilities, labels)
    return {
        "loss": float(log_loss(labels, p)),
        "accuracy": float(np.mean(right(probabilities, labels))),
        "brier": float(brier_score_loss(labels, p)),
        "auc": float(roc_auc_score(labels, p)),
        "calibration_error": sum(bin_["share"] * abs(bin_["probability"] - bin_["positive"]) for bin_ in bins),
    }


def losses(held_out: HeldOut) -> NDArray[np.float64]:
    """The binary cross-entropy of each text, in nats; float64 (texts,)."""
    p = np.clip(held_out.probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.asarray(-np.log(np.where(held_out.labels == 1, p, 1 - p)))


def auc_p_value(held_out: HeldOut) -> float:
    """Chance of so high an AUC if the model only guessed (Mann-Whitney; one-sided)."""
    p, positive = held_out.probabilities, held_out.labels == 1
    return float(mannwhitneyu(p[positive], p[~positive], alternative="greater").pvalue)


def right(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which texts are on the right side of 0.5, which counts as positive; bool (texts,)."""
    return np.asarray((probabilities >= 0.5) == (labels == 1), np.bool_)


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> list[dict[str, float]]:
    """Compare probabilities with shares of positive texts, in 15 bins of equal width (Guo et al., ICML 2017).

    Both arrays are (texts,). Empty bins are left out.
    """
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)  # (texts,)
    return [
        {
            "share": float(np.mean(place == i)),
            "probability": float(np.mean(probabilities[place == i], dtype=np.float64)),
            "positive": float(np.mean(labels[place == i], dtype=np.float64)),
        }
        for i in np.unique(place)
    ]


def evaluate(held_out: HeldOut, rule: UncertaintyRule) -> dict[str, Any]:
    """Metrics, the 95% interval of the accuracy (Wilson 1927), and how many predictions are certain."""
    hits = held_out.right
    return {
        "reviews": len(hits),
        **measure(held_out.probabilities, held_out.labels),
        "accuracy_interval": list(interval_of(int(hits.sum()), len(hits))),
        **coverage(rule, held_out),
    }


def interval_of(hits: int, texts: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927)."""
    interval = binomtest(hits, texts).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def coverage(rule: UncertaintyRule, held_out: HeldOut) -> dict[str, float]:
    """How often predictions are certain, and how often these are right.

    Returns:
        certain_share: Share of certain predictions. certain_accuracy: Their accuracy; left out if there are none.
    """
    certain = certain_under(rule, held_out)
    return {"certain_share": float(certain.mean())} | (
        {"certain_accuracy": float(held_out.right[certain].mean())} if certain.any() else {}
    )


def certain_under(rule: UncertaintyRule, held_out: HeldOut) -> NDArray[np.bool_]:
    """Which predictions the rule calls certain; bool (texts,)."""
    probabilities = held_out.probabilities.tolist()
    counts = zip(probabilities, held_out.words.tolist(), held_out.known_words.tolist(), strict=True)
    return np.array([not rule.applies(*text) for text in counts])
