"""The prediction for one review, and the rule for uncertain ones."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one review.

    Attributes:
        positive_probability: In [0, 1].
        words: Number of words in the review.
        known_words: Number of words that belong to a term of the vocabulary.
        uncertain: Whether the prediction is unreliable, by the bundle's rule.
    """

    positive_probability: float
    words: int
    known_words: int
    uncertain: bool

    @property
    def sentiment(self) -> Literal["positive", "negative"]:
        """The likelier class; an even 0.5 counts as positive."""
        return "positive" if self.positive_probability >= 0.5 else "negative"

    @property
    def unknown_share(self) -> float:
        """Share of the words that are unknown, in [0, 1]; 0 for a review without words."""
        return (self.words - self.known_words) / self.words if self.words else 0.0


@dataclass(frozen=True)
class UncertaintyRule:
    """When a prediction is uncertain; stated in each bundle's manifest. Any one reason suffices.

    Attributes:
        above: Lower end of the band of uncertain probabilities, which does not include it; in [0, 1].
        below: Upper end of this band, which does not include it; in [above, 1].
        min_known_words: Predictions with fewer known words are uncertain.
        min_known_share: Predictions with a smaller share of known words are uncertain; in [0, 1].
    """

    above: float
    below: float
    min_known_words: int
    min_known_share: float

    def applies(self, positive_probability: float, words: int, known_words: int) -> bool:
        """Whether the prediction is uncertain; always for a review without words."""
        return (
            words == 0
            or self.above < positive_probability < self.below
            or known_words < self.min_known_words
            or known_words / words < self.min_known_share
        )
