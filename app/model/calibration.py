"""Calibration: two numbers that correct a network's probabilities for other texts than it was trained on.

The log-odds of a prediction are multiplied by a scale and moved by a shift (Platt 1999; Guo et al., ICML 2017).
"""

import math

from pydantic import BaseModel, ConfigDict, Field

MIN_PROBABILITY = 2.0**-126
"""float32's smallest normal number; a smaller probability has the same log-odds."""

MIN_COMPLEMENT = 2.0**-25
"""Half of float32's step below 1; a probability of 1 has the log-odds of 1 minus this."""

MIN_SCALE, MAX_SCALE, MAX_SHIFT = 0.1, 10.0, 20.0
"""Limits. With a smaller scale, a network that is quite certain (0.99) would become one that guesses (0.61)."""


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), in [-87.4, 17.4].

    As precise as p, a float32: near 1 it has few digits left, so that above 0.999999 the log-odds are coarse.
    """
    return math.log(max(probability, MIN_PROBABILITY)) - math.log(max(1 - probability, MIN_COMPLEMENT))


MIN_LOG_ODDS, MAX_LOG_ODDS = log_odds(0), log_odds(1)


class Calibration(BaseModel):
    """How a bundle's probabilities were adapted to a file of labelled texts, of which nothing else is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scale: float = Field(ge=MIN_SCALE, le=MAX_SCALE, description="Factor for the network's log-odds.", examples=[0.53])
    shift: float = Field(ge=-MAX_SHIFT, le=MAX_SHIFT, description="What is added to them afterwards.", examples=[-0.31])
    texts: int = Field(ge=1, description="Number of labelled texts.", examples=[200])
    sha256: str = Field(description="SHA-256 of their file.", examples=["3a6eb0790f39ac87…"])
    original: str = Field(description="Digest of the bundle that was calibrated.", examples=["465d37152bfb62f9…"])
    before: dict[str, float] = Field(
        description="Metrics on these texts without calibration.", examples=[{"loss": 0.61}]
    )
    after: dict[str, float] = Field(
        description="Metrics with calibration, fitted to four fifths of the texts and measured on the others.",
        examples=[{"loss": 0.47}],
    )


def calibrated(probability: float, scale: float, shift: float) -> float:
    """Correct a network's probability; the result is never 0 or 1, because log-odds have a minimum and a maximum."""
    corrected = scale * log_odds(probability) + shift
    return 1 / (1 + math.exp(-min(max(corrected, MIN_LOG_ODDS), MAX_LOG_ODDS)))
