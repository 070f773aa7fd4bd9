"""When a prediction is uncertain: a rule that is fitted to held-out predictions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from app.inference.prediction import UncertaintyRule
from training.network import HeldOut

ERROR_RATE = 0.05
"""Predictions are certain where at most this share of them is wrong."""
WINDOW = 200
"""Reviews over which a minimum is checked."""


def fit_rule(held_out: HeldOut) -> UncertaintyRule:
    """Find the band of probabilities, and the minimum of known words, that separate uncertain predictions.

    The band lies between the largest probability with a fitted positive rate of at most 5 % and the smallest with one
    of at least 95 %, by isotonic regression. If there are none, it is 0.05 to 0.95.
    """
    p, labels = held_out.probabilities.astype(np.float64), held_out.labels  # (reviews,), (reviews,)
    rates = IsotonicRegression(out_of_bounds="clip").fit(p, labels).predict(p)  # (reviews,)
    negative, positive = p[rates <= ERROR_RATE], p[rates >= 1 - ERROR_RATE]
    above = float(negative.max()) if len(negative) else min(ERROR_RATE, float(positive.min(initial=1)))
    below = float(positive.min()) if len(positive) else max(1 - ERROR_RATE, above)
    outside = (p <= above) | (p >= below)
    right = ((p >= 0.5) == (labels == 1))[outside]
    known, words = held_out.known_words[outside], held_out.words[outside]
    return UncertaintyRule(
        above=above,
        below=below,
        min_known_words=int(_minimum(known, right, np.arange(1, 11), 1)),
        min_known_share=float(_minimum(known / np.maximum(words, 1), right, np.arange(0, 1, 0.05), 0)),
    )


def _minimum(values: NDArray[Any], right: NDArray[np.bool_], candidates: NDArray[Any], fallback: float) -> float:
    """The smallest candidate such that predictions with this value or the next larger ones are right often enough."""
    order = np.argsort(values, kind="stable")
    values, right = values[order], right[order]
    for candidate in candidates:
        window = right[values >= candidate][:WINDOW]
        if len(window) and window.mean() >= 1 - ERROR_RATE:
            return float(candidate)
    return fallback


def coverage(rule: UncertaintyRule, held_out: HeldOut) -> dict[str, float]:
    """How often predictions are certain, and how often these are right.

    Returns:
        certain_share: Share of certain predictions. certain_accuracy: Their accuracy; left out if there are none.
    """
    probabilities = held_out.probabilities.tolist()
    counts = zip(probabilities, held_out.words.tolist(), held_out.known_words.tolist(), strict=True)
    certain = np.array([not rule.applies(*review) for review in counts])
    right = (held_out.probabilities >= 0.5) == (held_out.labels == 1)
    return {"certain_share": float(certain.mean())} | (
        {"certain_accuracy": float(right[certain].mean())} if certain.any() else {}
    )
