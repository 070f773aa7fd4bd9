"""The prediction for one review, and the rule for uncertain ones.

The dataclasses are also the schemas of the API: their fields are written as JSON in this order, with these
descriptions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, computed_field
from pydantic.json_schema import SkipJsonSchema

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Reason:
    """The effect of one term, or of several that are the same to the model: the prediction minus the one without."""

    terms: Annotated[
        list[str],
        Field(
            min_length=1,
            description="Terms of the review that share a column, so the model cannot tell them apart, in order of "
            "occurrence; usually one. Each is a word or several consecutive words, in lower case.",
            examples=[["best films"]],
        ),
    ]
    log_odds: Annotated[
        float,
        Field(
            description="Effect on the log-odds. Negative values make the review less likely to be positive.",
            examples=[1.56],
        ),
    ]
    probability: Annotated[float, Field(ge=-1, le=1, description="Effect on the probability.", examples=[0.03])]
    positive_probability_without: Annotated[
        Probability, Field(description="Probability without the terms.", examples=[0.96])
    ]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one review."""

    positive_probability: Annotated[
        Probability, Field(description="Probability that the review is positive.", examples=[0.99])
    ]
    sentiment: Annotated[
        Literal["positive", "negative"],
        # Not a JSON Schema `enum`: clients must accept the values of later versions.
        WithJsonSchema({"type": "string", "x-extensible-enum": ["positive", "negative"]}),
        Field(
            description="`positive` if the probability is at least 0.5, else `negative`. "
            "Later versions may add values.",
            examples=["positive"],
        ),
    ]
    uncertain: Annotated[
        bool,
        Field(
            description="Whether the prediction is unreliable: the probability is not close enough to 0 or 1, or the "
            "model knows too few of the words. `GET /model` returns the bundle's rule.",
            examples=[False],
        ),
    ]
    words: Annotated[Count, Field(description="Number of words; in some encodings also of `!` and `?`.", examples=[8])]
    known_words: Annotated[Count, Field(description="Number of words that the model knows.", examples=[8])]
    terms: Annotated[
        Sequence[Reason] | SkipJsonSchema[None],
        Field(
            description="The known terms with the largest effects on the log-odds, largest first; only if the request "
            "has the parameter `explain`."
        ),
    ] = None

    @property
    def unknown_share(self) -> float:
        """Share of the words that are unknown, in [0, 1]; 0 for a review without words."""
        return (self.words - self.known_words) / self.words if self.words else 0.0

    @property
    def reasons(self) -> str:
        """The terms and their effects on the log-odds for people, such as `superb +1.9; dull -1.2`.

        Terms that are the same to the model are joined with `/`, which no word contains.
        """
        return "; ".join(f"{'/'.join(reason.terms)} {reason.log_odds:+.1f}" for reason in self.terms or ())


FIELDS = {name: type_ for name, type_ in get_type_hints(Prediction).items() if name != "terms"}
"""The fields that every prediction has -> their types."""


@dataclass(frozen=True)
class UncertaintyRule:
    """When a prediction is uncertain; stated in each bundle's manifest. Any one reason suffices."""

    above: Annotated[
        Probability,
        Field(
            description="Lower end of the band of uncertain probabilities, which does not include it; in [0, 1].",
            examples=[0.085],
        ),
    ]
    below: Annotated[
        Probability,
        Field(description="Upper end of this band, which does not include it; in [`above`, 1].", examples=[0.929]),
    ]
    min_known_words: Annotated[
        Count, Field(description="Predictions with fewer known words are uncertain.", examples=[1])
    ]
    min_known_share: Annotated[
        Probability,
        Field(description="Predictions with a smaller share of known words are uncertain; in [0, 1].", examples=[0.66]),
    ]

    def applies(self, positive_probability: float, words: int, known_words: int) -> bool:
        """Whether the prediction is uncertain; always for a review without words."""
        return (
            words == 0
            or self.above < positive_probability < self.below
            or known_words < self.min_known_words
            or known_words / words < self.min_known_share
        )


EXAMPLE = (
    "Certain for 31% of texts like these; with 95% confidence, at least 95% of those are right. The rest needs people."
)


class Promise(BaseModel):
    """How often certain predictions are right, proved with labelled texts; stated in a bundle's manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    right: Annotated[
        Probability, Field(description="At least this share of the certain predictions is right.", examples=[0.95])
    ]
    confidence: Annotated[
        Probability, Field(description="Probability that labels like these prove only what is true.", examples=[0.95])
    ]
    labels: Annotated[int, Field(ge=1, description="Number of labelled texts that prove it.", examples=[200])]
    certain_share: Annotated[
        Probability, Field(description="Share of these texts with certain predictions.", examples=[0.31])
    ]
    texts: Annotated[str, Field(description="What these texts are.", examples=["texts like these"])]

    @computed_field(description="The promise in words.", examples=[EXAMPLE])  # type: ignore[prop-decorator]
    @property
    def sentence(self) -> str:
        """The promise in words."""
        right = f"{self.right * 100:.3g}%"
        return (
            f"Certain for {self.certain_share:.0%} of {self.texts}; with {self.confidence:.0%} confidence, at least "
            f"{right} of those are right. The rest needs people."
        )


def prediction_of(
    positive_probability: float,
    words: int,
    known_words: int,
    rule: UncertaintyRule,
    terms: Sequence[Reason] | None = None,
) -> Prediction:
    """Complete a prediction: what follows from the probability and the numbers of words."""
    return Prediction(
        positive_probability,
        "positive" if positive_probability >= 0.5 else "negative",
        rule.applies(positive_probability, words, known_words),
        words,
        known_words,
        terms,
    )
