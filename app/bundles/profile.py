"""Histograms of reviews by probability, length and share of unknown words.

A bundle stores those of its training reviews, so that drift can be detected without keeping any text.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..model.prediction import Prediction

POSITIVE_PROBABILITY = "positive_probability"
WORDS = "words"
UNKNOWN_SHARE = "unknown_share"

BOUNDS: dict[str, tuple[float, ...]] = {
    POSITIVE_PROBABILITY: (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
    WORDS: (10, 25, 50, 100, 200, 400, 800, 1600, math.inf),
    UNKNOWN_SHARE: (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0),
}
"""Feature (an attribute of `Prediction`) -> inclusive upper bounds of its bins."""


class Histogram(BaseModel):
    """A histogram of one feature; an upper bound of None is infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    upper_bounds: tuple[float | None, ...]
    counts: tuple[Annotated[int, Field(ge=0)], ...]


class Profile(BaseModel):
    """The histograms of a bundle's training reviews."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positive_probability: Histogram
    words: Histogram
    unknown_share: Histogram

    @model_validator(mode="after")
    def _can_be_compared(self) -> Self:
        for feature, bounds in BOUNDS.items():
            histogram: Histogram = getattr(self, feature)
            if histogram.upper_bounds != _json_bounds(bounds):
                raise ValueError(f"{feature} has different bins than this version of the service")
            if len(histogram.counts) != len(bounds) or not any(histogram.counts):
                raise ValueError(f"{feature} does not have {len(bounds)} counts, or all of them are 0")
        return self


def profile_of(predictions: Iterable[Prediction]) -> Profile:
    """Compute the histograms of predictions."""
    counts = {feature: [0] * len(bounds) for feature, bounds in BOUNDS.items()}
    for prediction in predictions:
        for feature, bounds in BOUNDS.items():
            counts[feature][bisect_left(bounds, getattr(prediction, feature))] += 1
    return Profile.model_validate(
        {
            feature: {"upper_bounds": _json_bounds(bounds), "counts": counts[feature]}
            for feature, bounds in BOUNDS.items()
        }
    )


def _json_bounds(bounds: Sequence[float]) -> tuple[float | None, ...]:
    return tuple(bound if math.isfinite(bound) else None for bound in bounds)
