"""Explanations of predictions: the effect of each column, measured by switching it off (occlusion).

The network runs once more for each column of a known term. So the numbers are exact for any network. They need not add
up to the total, because terms interact. Terms that share a column have one effect: leaving one of them out would change
nothing while another is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.inference.calibration import log_odds
from app.inference.classifier import BATCH, Classifier
from app.inference.prediction import Prediction
from app.inference.vocabulary import Vocabulary


class Span(NamedTuple):
    """A part of a review, in Unicode code points.

    Attributes:
        start: Index of its first character.
        end: Index after its last character.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a column, and so of the terms that share it, on a review's probability.

    Attributes:
        terms: The column's distinct terms in the review, in order of occurrence, at least one; each is one word, or
            several separated by single spaces.
        log_odds: What they add to the log-odds of being positive; negative if they count against it.
        probability: What they add to the probability, in [-1, 1].
        positive_probability_without: The probability with the column switched off, in [0, 1].
        occurrences: Positions of all of them in the review, in order, each from a term's first word to its last.
    """

    terms: Sequence[str]
    log_odds: float
    probability: float
    positive_probability_without: float
    occurrences: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prediction and what it is based on.

    Attributes:
        prediction: The prediction for the whole review.
        effects: One per column of a known term, the largest log-odds first.
        unknown_words: Positions of the unknown words.
    """

    prediction: Prediction
    effects: Sequence[Effect]
    unknown_words: Sequence[Span]

    @property
    def log_odds(self) -> float:
        """Log-odds of the whole review."""
        return log_odds(self.prediction.positive_probability)


class Occlusion:
    """Scores a review without each of its columns, and builds the explanation from the results.

    Args:
        vocabulary: The bundle's vocabulary.
        review: A raw text.
    """

    def __init__(self, vocabulary: Vocabulary, review: str) -> None:
        tokens = vocabulary.locate(review)
        words = [token.text for token in tokens]
        occurrences, unknown = vocabulary.occurrences(words)
        self._row = vocabulary.encode_tokens(words)
        self._found: dict[int, list[tuple[str, Span]]] = {}  # column -> its terms and where they are
        for term, column, first, last in occurrences:
            self._found.setdefault(column, []).append((term, Span(tokens[first].start, tokens[last].end)))
        self._unknown = [Span(tokens[index].start, tokens[index].end) for index in unknown]

    def predictions(self, classifier: Classifier) -> Iterator[list[Prediction]]:
        """Call the network, at most BATCH rows at a time: the longest reviews have thousands.

        Yields:
            The predictions of each call: first for the whole review, then without each column of a known term.
        """
        columns = [None, *self._found]
        for start in range(0, len(columns), BATCH):
            yield classifier.predict_without(self._row, columns[start : start + BATCH])

    def explanation(self, predictions: Sequence[Prediction]) -> Explanation:
        """Build the explanation.

        Args:
            predictions: All that `predictions` yields, in the same order.
        """
        whole, *without = predictions
        of_whole = log_odds(whole.positive_probability)
        effects = [
            Effect(
                list(dict.fromkeys(term for term, _ in found)),
                of_whole - log_odds(prediction.positive_probability),
                whole.positive_probability - prediction.positive_probability,
                prediction.positive_probability,
                [span for _, span in found],
            )
            for found, prediction in zip(self._found.values(), without, strict=True)
        ]
        effects.sort(key=lambda effect: -abs(effect.log_odds))
        return Explanation(whole, effects, self._unknown)
