"""The prediction for one review."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one review.

    Attributes:
        positive_probability: In [0, 1].
        words: Number of words in the review.
        known_words: Number of words that belong to a term of the vocabulary.
    """

    positive_probability: float
    words: int
    known_words: int

    @property
    def sentiment(self) -> Literal["positive", "negative"]:
        """The likelier class; an even 0.5 counts as positive."""
        return "positive" if self.positive_probability >= 0.5 else "negative"

    @property
    def unknown_share(self) -> float:
        """Share of the words that are unknown, in [0, 1]; 0 for a review without words."""
        return (self.words - self.known_words) / self.words if self.words else 0.0
