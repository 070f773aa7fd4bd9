"""The shapes of requests and responses; the OpenAPI document is made of these."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from app.inference.text import BLANK, is_blank
from app.inference.vocabulary import Encoding

NOT_BLANK = r"[^\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Any character but those that `str.isspace` knows; the `\\s` of JSON Schema's dialect knows others."""


def _not_blank(review: str) -> str:
    if is_blank(review):
        raise PydanticCustomError("blank_review", BLANK)
    return review


Review = Annotated[
    str,
    AfterValidator(_not_blank),
    Field(json_schema_extra={"minLength": 1, "pattern": NOT_BLANK}),
]


class PredictRequest(BaseModel):
    """Reviews to score."""

    # Unknown fields are kept, and refused by `app.api.body`: pydantic would make an error for each of them, which for a
    # body of nothing else takes a hundred times the body's size.
    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": False,
            "examples": [{"reviews": ["One of the best films I have seen.", "A dull plot, and the acting is worse."]}],
        },
    )

    # Failing fast bounds the answer: a body of a million wrong items yields one violation, not a million.
    reviews: Annotated[
        list[Review],
        Field(min_length=1, fail_fast=True, description="Raw texts, in any order; markup and emoji do no harm."),
    ]


def _no_other_type(value: object) -> object:
    """Refuse what would be taken for an integer and is none; 5.0 is one in JSON, so strictness would go too far."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


class ExplainRequest(PredictRequest):
    """Reviews to explain."""

    top: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_no_other_type)] | None,
        Field(description="How many terms to list a review, the largest first; absent, all.", examples=[5]),
    ] = None


class Prediction(BaseModel):
    """What the model makes of one review."""

    positive_probability: Annotated[
        float, Field(ge=0, le=1, description="How likely the review is to be positive.", examples=[0.97])
    ]
    sentiment: Annotated[Literal["positive", "negative"], Field(description="`positive` from a probability of 0.5 on.")]
    words: Annotated[int, Field(ge=0, description="Words in the review.", examples=[8])]
    known_words: Annotated[
        int,
        Field(ge=0, description="Those of them that the model could read; few mean little confidence.", examples=[8]),
    ]


class ModelName(BaseModel):
    """Which bundle answered."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    version: Annotated[str, Field(description="Which version of it.", examples=["2"])]


class PredictResponse(BaseModel):
    """One prediction a review, in the order of the reviews."""

    model: ModelName
    predictions: Annotated[list[Prediction], Field(description="In the order of the reviews.")]


class Span(BaseModel):
    """A part of a review, in Unicode code points."""

    start: Annotated[int, Field(ge=0, description="Its first character.", examples=[12])]
    end: Annotated[int, Field(ge=0, description="Behind its last character.", examples=[18])]


class Effect(BaseModel):
    """What a term does to the probability: the difference to the answer with the term switched off."""

    term: Annotated[str, Field(description="A word, or some in a row, in lower case.", examples=["superb"])]
    log_odds: Annotated[
        float,
        Field(description="What it adds to the log-odds of being positive; below 0: against.", examples=[1.2]),
    ]
    probability: Annotated[float, Field(ge=-1, le=1, description="What it adds to the probability.", examples=[0.05])]
    positive_probability_without: Annotated[
        float, Field(ge=0, le=1, description="The probability with the term switched off.", examples=[0.92])
    ]
    occurrences: Annotated[
        list[Span], Field(description="Where it is in the review; of several words, from the first to the last.")
    ]


class Rest(BaseModel):
    """The sums of the terms that are not listed."""

    terms: Annotated[int, Field(ge=0, description="How many there are.", examples=[4])]
    log_odds: Annotated[float, Field(description="What they add to the log-odds, one by one.", examples=[0.3])]
    probability: Annotated[float, Field(description="What they add to the probability, one by one.", examples=[0.01])]


class Explanation(Prediction):
    """What the model makes of one review, and what it rests on."""

    log_odds: Annotated[
        float,
        Field(
            description="log(p / (1 - p)), between -87.4 and 17.4. As exact as p, a 32-bit float: beyond p = 0.999999 "
            "few digits are left, so that log-odds go in steps, and a term's may be 0.",
            examples=[3.5],
        ),
    ]
    terms: Annotated[list[Effect], Field(description="The known terms, the largest in log-odds first.")]
    rest: Annotated[Rest, Field(description="Those that `top` left out.")]
    unknown_words: Annotated[list[Span], Field(description="Words that the model could not read.")]


class ExplainResponse(BaseModel):
    """One explanation a review, in the order of the reviews."""

    model: ModelName
    explanations: Annotated[list[Explanation], Field(description="In the order of the reviews.")]


class Limits(BaseModel):
    """The limits in force."""

    max_reviews: Annotated[int, Field(description="Reviews a request.", examples=[128])]
    max_explained: Annotated[int, Field(description="Reviews a request to explain.", examples=[8])]
    max_characters: Annotated[int, Field(description="Characters (Unicode code points) a review.", examples=[50_000])]
    max_body_bytes: Annotated[int, Field(description="Bytes a request body.", examples=[2_000_000])]
    max_waiting: Annotated[
        int, Field(description="Reviews waiting in one worker before requests are shed.", examples=[1024])
    ]


class ModelResponse(BaseModel):
    """The served bundle: what its manifest says, its digest, and the limits in force."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    version: Annotated[str, Field(description="Which version of it.", examples=["2"])]
    digest: Annotated[
        str,
        Field(
            description="SHA-256 of the bundle's manifest, which names its content.",
            examples=["5172c6de07ccae41b47ed1f352bd7145a7c19d572ea2865a1b190ddd1201b4c4"],
        ),
    ]
    created: Annotated[
        str, Field(description="When training ended; ISO 8601, UTC.", examples=["2026-11-24T13:47:06+00:00"])
    ]
    runtime: Annotated[str, Field(description="What executes the network.", examples=["tensorflow"])]
    encoding: Annotated[Encoding, Field(description="How reviews become rows.")]
    vocabulary_size: Annotated[int, Field(description="Terms that have a column.", examples=[10_000])]
    recipe: Annotated[
        dict[str, JsonValue],
        Field(description="What the network was trained with.", examples=[{"name": "best", "hidden_units": [16]}]),
    ]
    dataset: Annotated[
        dict[str, JsonValue],
        Field(description="The reviews it was trained on.", examples=[{"source": "aclImdb", "test_reviews": 25_000}]),
    ]
    metrics: Annotated[
        dict[str, float],
        Field(description="Measured once on the test reviews.", examples=[{"accuracy": 0.921, "loss": 0.203}]),
    ]
    libraries: Annotated[
        dict[str, str], Field(description="Library versions at training time.", examples=[{"numpy": "2.4.6"}])
    ]
    limits: Limits


class Health(BaseModel):
    """The service is well."""

    status: Annotated[Literal["live", "ready"], Field(description="`live` or `ready`, as asked.", examples=["ready"])]


class Violation(BaseModel):
    """One thing that is wrong with a request."""

    location: Annotated[str, Field(description="Where in the body.", examples=["reviews.0"])]
    message: Annotated[str, Field(description="What is wrong there.", examples=["Input should be a valid string"])]


class Problem(BaseModel):
    """What went wrong and what to do about it (RFC 9457)."""

    # What is None is left out of the answer, so the document shows no null.
    type: Annotated[
        str,
        Field(description="Stable name of the kind of problem.", examples=["urn:problem-type:sentiment:overloaded"]),
    ]
    title: Annotated[str, Field(description="The type in words.", examples=["Overloaded"])]
    status: Annotated[int, Field(ge=400, le=599, description="The HTTP status.", examples=[503])]
    detail: Annotated[
        str,
        Field(
            description="What is wrong with this request and what to do, for people.",
            examples=["1020 reviews are waiting, 8 more would exceed the limit of 1024."],
        ),
    ]
    limit: Annotated[int | SkipJsonSchema[None], Field(description="The limit that was hit.", examples=[50_000])] = None
    received: Annotated[
        int | SkipJsonSchema[None], Field(description="What was received instead.", examples=[61_230])
    ] = None
    index: Annotated[int | SkipJsonSchema[None], Field(description="Which review, counted from 0.", examples=[3])] = (
        None
    )
    errors: Annotated[list[Violation] | SkipJsonSchema[None], Field(description="What does not fit the schema.")] = None
