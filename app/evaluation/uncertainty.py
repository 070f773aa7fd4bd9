"""When a prediction is uncertain: rules that are fitted to held-out predictions."""

from dataclasses import replace

import numpy as np
from scipy.stats import binomtest
from sklearn.isotonic import IsotonicRegression

from app.evaluation.metrics import HeldOut, coverage
from app.model.prediction import UncertaintyRule

ERROR_RATE = 0.05
"""Predictions are certain where at most this share of them is wrong."""
MIN_KNOWN_WORDS = 1
"""Held-out reviews are too long to say more about this number."""
CONFIDENCES = (0.95, 0.96, 0.97, 0.98, 0.99, 0.995)
"""Candidates for the probability of a certain prediction, lowest first."""
UNSEEN = 0.001
"""Quantile of the share of known words below which there are too few held-out reviews to say anything."""


def fit_rule(held_out: HeldOut) -> UncertaintyRule:
    """Find the band of probabilities, and the share of known words, where more than 5% of the predictions are wrong.

    The band lies between the largest probability with a fitted positive rate of at most 5% and the smallest with one
    of at least 95%, by isotonic regression. If there are none, it is 0.05 to 0.95.
    """
    p, labels = held_out.probabilities.astype(np.float64), held_out.labels  # (reviews,), (reviews,)
    rates = IsotonicRegression(out_of_bounds="clip").fit(p, labels).predict(p)  # (reviews,)
    negative, positive = p[rates <= ERROR_RATE], p[rates >= 1 - ERROR_RATE]
    above = float(negative.max()) if len(negative) else min(ERROR_RATE, float(positive.min(initial=1)))
    below = float(positive.min()) if len(positive) else max(1 - ERROR_RATE, above)

    outside = (p <= above) | (p >= below)
    known = held_out.known_words / np.maximum(held_out.words, 1)  # (reviews,), the share of known words
    min_share = float(np.quantile(known, UNSEEN))
    for share in np.arange(0.05, 1, 0.05):
        less = held_out.right[outside & (known < share)]
        if len(less) and binomtest(int(less.sum()), len(less), 1 - ERROR_RATE, "less").pvalue < 0.05:
            min_share = max(min_share, float(share))
    return UncertaintyRule(round(above, 3), round(below, 3), MIN_KNOWN_WORDS, round(min_share, 2))


def fit_confidence(held_out: HeldOut, rule: UncertaintyRule) -> UncertaintyRule:
    """Find how confident a calibrated prediction must be to be certain, from few texts.

    By their own probability, 95% of the predictions at 0.95 are right. If fewer of the certain predictions are right
    for these texts, more confidence is needed.

    Args:
        held_out: Calibrated predictions.
        rule: The rule whose limits on known words stay, since few texts say nothing about them.

    Returns:
        The rule; if no confidence suffices, one that calls every calibrated prediction uncertain.
    """
    for confidence in CONFIDENCES:
        candidate = replace(rule, above=round(1 - confidence, 3), below=confidence)
        if coverage(candidate, held_out).get("certain_accuracy", 0) >= 1 - ERROR_RATE:
            return candidate
    return replace(rule, above=0.0, below=1.0)
