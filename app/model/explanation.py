"""Explanations of predictions: the effect of each column, measured by switching it off (occlusion).

The network subtracts the column from its first sum and computes the rest again. So the numbers are exact. They need not
add up to the total, because terms interact. Terms that share a column have one effect: leaving one of them out would
change nothing while another is there.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field

from .classifier import Classifier
from .prediction import FIELDS, Count, Prediction, Reason, prediction_of
from .text import sentences


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a review. Positions count Unicode code points from 0."""

    start: Annotated[Count, Field(description="Position of the first character.", examples=[11])]
    end: Annotated[Count, Field(description="Position after the last character.", examples=[21])]


@dataclass(frozen=True, slots=True)
class Effect(Reason):
    """The effect of one term, or of several that are the same to the model, and where they are."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence(Prediction):
    """The prediction for one sentence of a review, scored alone. Positions count Unicode code points from 0."""

    start: Annotated[Count, Field(description="Position of the sentence's first character.", examples=[0])]
    end: Annotated[Count, Field(description="Position after its last character.", examples=[34])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(Prediction):
    """The prediction for one review, and what it is based on."""

    log_odds: Annotated[
        float,
        Field(
            description="log(p / (1 - p)), computed before p, so that it is exact also where p is almost 0 or 1.",
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
            "up to 1,000. Punctuation and tags between sentences belong to no sentence."
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


def explain(classifier: Classifier, review: str) -> Explanation:
    """Explain the prediction for a raw review.

    Raises:
        InferenceError: See `Classifier.predict`.
    """
    tokens = classifier.vocabulary.locate(review)
    found = classifier.encode([review])
    (row,) = found.rows
    log_odds, probability, columns, numbers = classifier.effects(row)
    places: dict[int, list[tuple[str, Span]]] = {column: [] for column in columns}  # its terms and where they are
    for term, column, first, last in found.occurrences():
        places[column].append((term, Span(tokens[first].start, tokens[last].end)))
    effects = [
        Effect(list(dict.fromkeys(term for term, _ in terms)), *effect, [span for _, span in terms])
        for terms, effect in zip(places.values(), numbers, strict=True)
    ]
    # More would take longer than everything else. Hardly any review has sentences that short.
    parts = sentences(review)[: min(max(100, len(review) // 20), 1000)]
    alone = classifier.predict([review[start:end] for start, end in parts])
    return Explanation(
        **_values(prediction_of(probability, row.words, row.known_words, classifier.uncertainty)),
        log_odds=log_odds,
        terms=effects,
        rest=RemainingTerms(0, 0, 0),
        unknown_words=[Span(tokens[index].start, tokens[index].end) for index in found.unknown()],
        sentences=[
            Sentence(**_values(prediction), start=start, end=end)
            for (start, end), prediction in zip(parts, alone, strict=True)
        ],
    )


def _values(prediction: Prediction) -> dict[str, Any]:
    """The fields of a prediction; `dataclasses.asdict` copies deeply, which takes much longer."""
    return {name: getattr(prediction, name) for name in FIELDS}
