"""When a prediction is uncertain: a rule that is fitted to held-out predictions."""

import numpy as np
from scipy.stats import binomtest
from sklearn.isotonic import IsotonicRegression

from app.inference.prediction import UncertaintyRule
from training.network import HeldOut

ERROR_RATE = 0.05
"""Predictions are certain where at most this share of them is wrong."""
MIN_KNOWN_WORDS = 1
"""Held-out reviews are too long to say more about this number."""
UNSEEN = 0.001
"""Quantile of the share of known words below which there are too few held-out reviews to say anything."""


def fit_rule(held_out: HeldOut) -> UncertaintyRule:
    """Find the band of probabilities, and the share of known words, where more than 5 % of the predictions are wrong.

    The band lies between the largest probability with a fitted positive rate of at most 5 % and the smallest with one
    of at least 95 %, by isotonic regression. If there are none, it is 0.05 to 0.95.
    """
    p, labels = held_out.probabilities.astype(np.float64), held_out.labels  # (reviews,), (reviews,)
    rates = IsotonicRegression(out_of_bounds="clip").fit(p, labels).predict(p)  # (reviews,)
    negative, positive = p[rates <= ERROR_RATE], p[rates >= 1 - ERROR_RATE]
    above = float(negative.max()) if len(negative) else min(ERROR_RATE, float(positive.min(initial=1)))
    below = float(positive.min()) if len(positive) else max(1 - ERROR_RATE, above)

    outside = (p <= above) | (p >= below)
    right = (p >= 0.5) == (labels == 1)
    known = held_out.known_words / np.maximum(held_out.words, 1)  # (reviews,), the share of known words
    min_share = float(np.quantile(known, UNSEEN))
    for share in np.arange(0.05, 1, 0.05):
        less = right[outside & (known < share)]
        if len(less) and binomtest(int(less.sum()), len(less), 1 - ERROR_RATE, "less").pvalue < 0.05:
            min_share = max(min_share, float(share))
    return UncertaintyRule(round(above, 3), round(below, 3), MIN_KNOWN_WORDS, round(min_share, 2))


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
