"""How reviews are spread: by probability, by length and by how much of them is unknown.

A bundle keeps the spread of its training reviews, so that the service can tell when people send something else without
keeping any text.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from app.inference.classifier import Prediction

POSITIVE_PROBABILITY = "positive_probability"
WORDS = "words"
UNKNOWN_SHARE = "unknown_share"

BOUNDS: dict[str, tuple[float, ...]] = {
    POSITIVE_PROBABILITY: (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    WORDS: (10, 25, 50, 100, 200, 400, 800, 1600, math.inf),
    UNKNOWN_SHARE: (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0),
}
"""Feature, an attribute of `Prediction` -> the upper bounds of its bins, each inclusive."""


class Spread(BaseModel):
    """How many reviews fall into each bin of a feature; a bound that is None has no end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    upper_bounds: tuple[float | None, ...]
    counts: tuple[Annotated[int, Field(ge=0)], ...]


class Profile(BaseModel):
    """The spread of a bundle's training reviews, by feature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive_probability: Spread
    words: Spread
    unknown_share: Spread

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        for feature, bounds in BOUNDS.items():
            spread: Spread = getattr(self, feature)
            if spread.upper_bounds != _written(bounds):
                raise ValueError(f"{feature} has other bins than this version of the service counts with")
            if len(spread.counts) != len(bounds) or not any(spread.counts):
                raise ValueError(f"{feature} does not have {len(bounds)} counts, or all of them are 0")
        return self


def profile_of(predictions: Iterable["Prediction"]) -> Profile:
    """Count predictions into the bins of `BOUNDS`."""
    counts = {feature: [0] * len(bounds) for feature, bounds in BOUNDS.items()}
    for prediction in predictions:
        for feature, bounds in BOUNDS.items():
            counts[feature][bisect_left(bounds, getattr(prediction, feature))] += 1
    return Profile.model_validate(
        {feature: {"upper_bounds": _written(bounds), "counts": counts[feature]} for feature, bounds in BOUNDS.items()}
    )


def _written(bounds: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(bound if math.isfinite(bound) else None for bound in bounds)


def divergence(some: Sequence[float], others: Sequence[float]) -> float:
    """The Jensen-Shannon divergence of two histograms with the same bins, base 2.

    Args:
        some: Counts, not all zero.
        others: Counts, not all zero.

    Returns:
        From 0, the same shape, to 1, nothing in common.
    """
    total, other_total = sum(some), sum(others)
    result = 0.0
    for one, other in zip(some, others, strict=True):
        p, q = one / total, other / other_total
        middle = (p + q) / 2
        result += sum(share * math.log2(share / middle) for share in (p, q) if share) / 2
    return min(max(result, 0.0), 1.0)
