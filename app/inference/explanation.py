"""What a probability rests on: each term's part in it, by leaving the term out (occlusion).

The network is asked once more for each distinct known term, with that term's column switched off and all else as it
was. So the numbers are exact for any network: they say what it would have answered, not what an approximation of it
would. They need not add up to the whole, because terms work together.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from app.inference.classifier import Prediction
from app.inference.vocabulary import Row, Vocabulary

LEAST = 2.0**-126
"""float32's smallest normal number. Log-odds take a probability for it that is nearer to 0."""

LEAST_LEFT = 2.0**-25
"""Half of float32's step below 1. Log-odds take a probability that is 1 for one that is so far from it."""


class Span(NamedTuple):
    """A part of a review.

    Attributes:
        start: Its first character, in Unicode code points.
        end: Behind its last one.
    """

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a term does to a review's probability.

    Attributes:
        term: One word, or several with single spaces between them.
        log_odds: What the term adds to the log-odds of being positive; below 0 it speaks against it.
        probability: What it adds to the probability, in [-1, 1].
        positive_probability_without: The probability with the term's column switched off, in [0, 1].
        occurrences: Where it is in the review, in order; of several words, from the first to the last.
    """

    term: str
    log_odds: float
    probability: float
    positive_probability_without: float
    occurrences: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prediction and what it rests on.

    Attributes:
        prediction: Of the whole review.
        effects: Of each distinct known term, the largest in log-odds first.
        unknown_words: Where words are that the model could not read.
    """

    prediction: Prediction
    effects: Sequence[Effect]
    unknown_words: Sequence[Span]

    @property
    def log_odds(self) -> float:
        """Of the whole review."""
        return log_odds(self.prediction.positive_probability)


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), in [-87.4, 17.4].

    As exact as p, a float32 number: near 0 it has all of its digits, near 1 few are left, so that beyond 0.999999 the
    log-odds go in steps.
    """
    return math.log(max(probability, LEAST)) - math.log(max(1 - probability, LEAST_LEFT))


class Occlusion:
    """The questions that explain a review, and what their answers mean.

    Args:
        vocabulary: Of the bundle.
        review: A raw text.
    """

    def __init__(self, vocabulary: Vocabulary, review: str) -> None:
        tokens = vocabulary.locate(review)
        words = [token.text for token in tokens]
        occurrences, unknown = vocabulary.occurrences(words)
        row = vocabulary.encode_tokens(words)
        self._row = row._replace(columns=np.unique(row.columns))  # a repeated word would be cleared and set repeatedly
        self._spans: dict[tuple[str, int], list[Span]] = {}
        for term, column, first, last in occurrences:
            self._spans.setdefault((term, column), []).append(Span(tokens[first].start, tokens[last].end))
        self._unknown = [Span(tokens[index].start, tokens[index].end) for index in unknown]

    def __len__(self) -> int:
        """The number of rows: one for the review, and one for each distinct known term."""
        return 1 + len(self._spans)

    def rows(self) -> Iterator[Row]:
        """The review's own row, then for each distinct known term the row without its column."""
        yield self._row
        columns = self._row.columns
        for _, column in self._spans:
            yield self._row._replace(columns=columns[columns != column])

    def chunks(self, size: int) -> Iterator[list[Row]]:
        """Yield the rows, `size` at a time: the longest reviews have thousands."""
        rows = self.rows()
        while chunk := list(islice(rows, size)):
            yield chunk

    def explanation(self, predictions: Sequence[Prediction]) -> Explanation:
        """Say what the network's answers to `rows` mean.

        Args:
            predictions: One a row, in order.
        """
        whole, *without = predictions
        of_whole = log_odds(whole.positive_probability)
        effects = [
            Effect(
                term,
                of_whole - log_odds(prediction.positive_probability),
                whole.positive_probability - prediction.positive_probability,
                prediction.positive_probability,
                spans,
            )
            for ((term, _), spans), prediction in zip(self._spans.items(), without, strict=True)
        ]
        effects.sort(key=lambda effect: -abs(effect.log_odds))
        return Explanation(whole, effects, self._unknown)
