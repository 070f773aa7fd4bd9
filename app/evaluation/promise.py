"""Which predictions are certain: the largest region whose share of right predictions is proved with labelled texts.

A region is everything at least as far from a centre, in log-odds, as some text. It has a promise: with 95% confidence,
at least some share of its predictions is right. How that is proved:

1. The labels of the 15% of the texts nearest to a log-odds of 0 choose the centre, and prove nothing.
2. The other texts are sorted by their distance from it. Their labels decided nothing so far, so the number of wrong
   ones in a region is binomial, and the bound of Clopper and Pearson (1934) holds for its share of right ones.
3. Regions are tested from the smallest one that can pass to larger ones, up to the first that fails. Since this order
   is fixed before their labels are seen, the last one that passed is as sure as if it were the only one (fixed-sequence
   testing; Angelopoulos et al., "Learn then Test", 2021).

A calibration changes all log-odds by a scale and a shift. That moves the ends of a region, but no text into or out of
it, so its labels may fit the calibration, too. Only regions around its midpoint count, where the sentiment changes: in
others, a prediction would not have the sentiment that was tested.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import binom, binomtest

from ..model.prediction import Promise, UncertaintyRule
from .metrics import HeldOut, certain_under

RIGHT, TRAINED = 0.95, 0.985
"""Shares that have to be right: by default, and after training."""
CONFIDENCE = 0.95
MIDDLE = 0.15
"""Share of the texts that choose the centre."""
SMALLEST = 0.2
"""Share of the texts in the smallest region that is tested. It is larger if so few could prove nothing."""
SHIFT_WIDTH = 1.0
"""Standard deviation of the normal prior around a centre of 0."""
MIN_KNOWN_WORDS, UNSEEN = 1, 0.001
"""Predictions are uncertain if fewer words are known, or a smaller share of them than in nearly all held-out texts."""
TARGETS = tuple(round(0.99 - 0.01 * step, 2) for step in range(50))
"""Shares to look for if the labels do not prove the one that was asked for, highest first."""
MORE = (1.25, 1.5, 2, 3, 4, 6, 8, 12, 16)
"""How many times the labels could be enough to prove it."""


class Region(NamedTuple):
    """The certain predictions: those with log-odds up to `low`, or from `high` on."""

    low: float
    high: float
    share: float  # of the labelled texts that have such predictions


def certain_region(
    held_out: HeldOut, right: float, limits: UncertaintyRule, midpoint: float = 0, times: float = 1
) -> Region | None:
    """Find the largest region of which at least a share of `right` is proved to be right; None if there is none.

    Args:
        held_out: The network's own predictions for texts that it was not trained on, whose order says nothing.
        right: The share, in (0, 1).
        limits: Predictions for texts with fewer known words are in no region.
        midpoint: The log-odds at which the sentiment changes; a region lies on both sides of it.
        times: Pretend that there were so many times as many texts like these.
    """
    texts = np.arange(round(len(held_out.labels) * times)) % len(held_out.labels)
    odds = held_out.log_odds[texts]  # (texts,)
    positive = (held_out.labels == 1)[texts]  # (texts,)
    readable = certain_under(replace(limits, above=1.0, below=1.0), held_out)[texts]  # (texts,), enough known words
    nearest, others = np.split(np.argsort(np.abs(odds), kind="stable"), [round(MIDDLE * len(odds))])
    centre = _centre(odds[nearest], positive[nearest])

    distances = np.abs(odds - centre)
    outside = others[(distances[others] > distances[nearest].max(initial=0)) & readable[others]]
    outside = outside[np.argsort(-distances[outside], kind="stable")]
    distances = distances[outside]  # (outside,), from the largest to the smallest
    wrong = np.cumsum((odds[outside] > centre) != positive[outside])  # (outside,), up to each text
    sizes = np.arange(1, len(outside) + 1)
    allowed = binom.ppf(1 - CONFIDENCE, sizes, 1 - right) - 1  # (outside,), how many wrong ones a region may contain
    proved = None
    for last in np.flatnonzero((np.diff(allowed, prepend=-1) > 0) & (sizes >= SMALLEST * len(odds))):
        distance = float(distances[last])
        size = int(np.searchsorted(-distances, -distance, "right"))  # with all texts at this distance
        bound = binomtest(size - int(wrong[size - 1]), size, alternative="greater").proportion_ci(CONFIDENCE).low
        if bound < right or abs(midpoint - centre) >= distance:  # and larger ones are no better
            break
        proved = Region(centre - distance, centre + distance, size / len(odds))
    return proved


def _centre(odds: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The log-odds at which texts are as often positive as negative, by penalised maximum likelihood."""

    def loss(centre: float) -> float:
        x = odds - centre
        return float(np.sum(np.logaddexp(0, x) - positive * x) + (centre / SHIFT_WIDTH) ** 2 / 2)

    return float(minimize_scalar(loss).x)


def promised(
    held_out: HeldOut, right: float, limits: UncertaintyRule, texts: str, scale: float = 1, shift: float = 0
) -> tuple[UncertaintyRule, Promise | None]:
    """Find the rule that calls as many predictions certain as a promise allows, and the promise.

    Args:
        held_out: As for `certain_region`.
        right: The share of certain predictions that has to be right, in (0, 1).
        limits: The rule whose limits on known words stay.
        texts: What the texts are, for the promise.
        scale: The factor of a calibration for log-odds, larger than 0; the rule is one for calibrated predictions.
        shift: What it adds to them.

    Returns:
        The rule and its promise; if nothing is proved, a rule that calls all predictions uncertain, and None.
    """
    region = certain_region(held_out, right, limits, -shift / scale)
    if region is None:
        return replace(limits, above=0.0, below=1.0), None
    above, below = expit(scale * np.array([region.low, region.high]) + shift).tolist()
    rule = replace(limits, above=above, below=below)
    share, labels = region.share, len(held_out.labels)
    return rule, Promise(right=right, confidence=CONFIDENCE, labels=labels, certain_share=share, texts=texts)


def trained(held_out: HeldOut, texts: str) -> tuple[UncertaintyRule, Promise | None]:
    """The rule and the promise of a trained network: 98.5%, or 95% if the reviews are too few to prove that."""
    limits = limits_of(held_out)
    rule, promise = promised(held_out, TRAINED, limits, texts)
    return (rule, promise) if promise else promised(held_out, RIGHT, limits, texts)


def limits_of(held_out: HeldOut) -> UncertaintyRule:
    """Limits on known words, below which there are too few held-out texts to say anything."""
    known = held_out.known_words / np.maximum(held_out.words, 1)  # (texts,), the share of known words
    return UncertaintyRule(0.0, 1.0, MIN_KNOWN_WORDS, round(float(np.quantile(known, UNSEEN)), 2))


def what_is_proved(held_out: HeldOut, right: float, limits: UncertaintyRule, midpoint: float = 0) -> str:
    """Say what the labels prove instead, if they do not prove that a share of `right` is right."""
    count = len(held_out.labels)
    best = next(
        (target for target in TARGETS if target < right and certain_region(held_out, target, limits, midpoint)), None
    )
    enough = next((times for times in MORE if certain_region(held_out, right, limits, midpoint, times)), None)
    found = "nothing" if best is None else f"{best:.0%} at most"
    more = f"; about {count * (enough - 1):.0f} more labels like these would prove {right:.3g}" if enough else ""
    return f"{count:,} labels do not prove that a share of {right:.3g} is right; they prove {found}{more}"
