"""Explanations of predictions: the effect of each column, measured by switching it off (occlusion).

The network runs once more for each column of a known term. So the numbers are exact for any network. They need not add
up to the total, because terms interact. Terms that share a column have one effect: leaving one of them out would change
nothing while another is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from pydantic import Field

from app.inference.calibration import log_odds
from app.inference.classifier import BATCH, Classifier
from app.inference.prediction import Count, Prediction, Probability
from app.inference.text import sentences
from app.inference.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a review. Positions count Unicode code points from 0."""

    start: Annotated[Count, Field(description="Position of the first character.", examples=[11])]
    end: Annotated[Count, Field(description="Position after the last character.", examples=[21])]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one term, or of several that are the same to the model: the prediction minus the one without."""

    terms: Annotated[
        list[str],
        Field(
            min_length=1,
            description="Different terms of the review that are the same to the model, in order of occurrence; often "
            "only one. Each is a word or several consecutive words, in lower case.",
            examples=[["best films"]],
        ),
    ]
    log_odds: Annotated[
        float,
        Field(description="Effect on the log-odds of being positive. Negative values count against.", examples=[1.56]),
    ]
    probability: Annotated[float, Field(ge=-1, le=1, description="Effect on the probability.", examples=[0.03])]
    positive_probability_without: Annotated[
        Probability, Field(description="Probability without the terms.", examples=[0.96])
    ]
    occurrences: Annotated[
        list[Span],
        Field(description="Where the terms occur in the review, in order; a span covers all words of a term."),
    ]


@dataclass(frozen=True, slots=True)
class RemainingTerms:
    """The effects that `top` omits, added up."""

    terms: Annotated[Count, Field(description="Number of omitted effects.", examples=[8])]
    log_odds: Annotated[float, Field(description="Sum of their effects on the log-odds.", examples=[0.02])]
    probability: Annotated[float, Field(description="Sum of their effects on the probability.", examples=[0.001])]


@dataclass(frozen=True, slots=True)
class Sentence(Prediction):
    """The prediction for one sentence of a review, scored alone. Positions count Unicode code points from 0."""

    start: Annotated[Count, Field(description="Position of the sentence's first character.", examples=[0])]
    end: Annotated[Count, Field(description="Position after its last character.", examples=[34])]


@dataclass(frozen=True, slots=True)
class Explanation(Prediction):
    """The prediction for one review, and what it is based on."""

    log_odds: Annotated[
        float,
        Field(
            description="log(p / (1 - p)), between -87.4 and 17.4. p is a 32-bit float, so above p = 0.999999 log-odds "
            "change in steps, and the effect of a term may be 0.",
            examples=[4.86],
        ),
    ]
    terms: Annotated[list[Effect], Field(description="The known terms, largest effect on the log-odds first.")]
    rest: Annotated[RemainingTerms, Field(description="Summary of the effects that `top` omits.")]
    unknown_words: Annotated[list[Span], Field(description="Words that the model does not know.")]
    sentences: Annotated[
        list[Sentence],
        Field(
            description="The sentences in order; at most the first 100, or in a longer review one per 20 characters, "
            "up to 1,000. Marks alone and tags between sentences belong to none of them."
        ),
    ]

    def with_top(self, top: int | None) -> "Explanation":
        """List only the `top` largest effects of a complete explanation, or all if None, and add up the others."""
        if top is None:
            return self
        omitted = self.terms[top:]
        rest = RemainingTerms(
            len(omitted), sum(effect.log_odds for effect in omitted), sum(effect.probability for effect in omitted)
        )
        return replace(self, terms=self.terms[:top], rest=rest)


class Occlusion:
    """Scores a review without each of its columns, and its sentences, and builds the explanation from the results.

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
        self._review = review
        # More would take longer than everything else. Hardly any review has sentences that short.
        self._sentences = sentences(review)[: min(max(100, len(review) // 20), 1000)]

    def predictions(self, classifier: Classifier) -> Iterator[list[Prediction]]:
        """Call the network, at most BATCH rows at a time: the longest reviews have thousands.

        Yields:
            The predictions of each call: first for the whole review, then without each column of a known term, then for
            each sentence.
        """
        columns = [None, *self._found]
        for first in range(0, len(columns), BATCH):
            yield classifier.predict_without(self._row, columns[first : first + BATCH])
        for first in range(0, len(self._sentences), BATCH):
            batch = self._sentences[first : first + BATCH]
            yield classifier.predict([self._review[start:end] for start, end in batch])

    def explanation(self, predictions: Sequence[Prediction]) -> Explanation:
        """Build the explanation.

        Args:
            predictions: All that `predictions` yields, in the same order.
        """
        whole, *others = predictions
        without, alone = others[: len(self._found)], others[len(self._found) :]
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
        return Explanation(
            **_values(whole),
            log_odds=of_whole,
            terms=effects,
            rest=RemainingTerms(0, 0, 0),
            unknown_words=self._unknown,
            sentences=[
                Sentence(**_values(prediction), start=start, end=end)
                for (start, end), prediction in zip(self._sentences, alone, strict=True)
            ],
        )


FIELDS = [field.name for field in fields(Prediction)]


def _values(prediction: Prediction) -> dict[str, Any]:
    """The fields of a prediction; `dataclasses.asdict`, which copies deeply, takes ten times as long."""
    return {name: getattr(prediction, name) for name in FIELDS}
