"""Request and response models; FastAPI derives the OpenAPI schemas from them.

What responses contain comes from `app.model` (predictions, explanations) and `app.bundles` (facts).
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from ..bundles.manifest import Facts
from ..model.explanation import Explanation
from ..model.limits import BLANK, is_blank
from ..model.prediction import Prediction

NOT_BLANK = r"[^\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Any character that `str.isspace` does not count as whitespace; `\\s` in JSON Schema patterns differs from it."""


def _not_blank(review: str) -> str:
    if is_blank(review):
        raise PydanticCustomError("blank_review", BLANK)
    return review


Review = Annotated[str, AfterValidator(_not_blank), Field(json_schema_extra={"minLength": 1, "pattern": NOT_BLANK})]


class PredictRequest(BaseModel, use_attribute_docstrings=True):
    """Reviews to score."""

    # Unknown fields are kept here and rejected by `app.api.body`: pydantic would create an error for each of them,
    # which for a body of nothing else take a hundred times the size of the body.
    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": False,
            "examples": [{"reviews": ["One of the best films I have seen.", "A dull plot, and the acting is worse."]}],
        },
    )

    # Failing fast limits the size of the response: a million invalid items give one violation, not a million.
    reviews: Annotated[
        list[Review],
        Field(
            min_length=1,
            fail_fast=True,
            description="Raw review texts, in any order. They may contain markup and emoji. `GET /model` returns the "
            "maximum number of reviews and of characters per review.",
        ),
    ]


def _no_other_type(value: object) -> object:
    """Reject booleans and strings, which pydantic converts to integers. Strict mode would also reject 5.0."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


class ExplainRequest(PredictRequest):
    """Reviews to explain."""

    top: Annotated[
        Annotated[int, Field(ge=0, le=1_000_000), BeforeValidator(_no_other_type)] | None, Field(examples=[5])
    ] = None
    """Maximum number of effects to list per review, largest first. If absent, all are listed."""


class ModelName(BaseModel, use_attribute_docstrings=True):
    """The bundle that made the predictions."""

    name: Annotated[str, Field(examples=["imdb"])]
    """The bundle's name."""
    version: Annotated[str, Field(examples=["3"])]
    """The bundle's version."""


class PredictResponse(BaseModel, use_attribute_docstrings=True):
    """One prediction per review, in the same order as the reviews."""

    model: ModelName
    predictions: list[Prediction]
    """One per review, in the same order."""


class ExplainResponse(BaseModel, use_attribute_docstrings=True):
    """One explanation per review, in the same order as the reviews."""

    model: ModelName
    explanations: list[Explanation]
    """One per review, in the same order."""


class Limits(BaseModel, use_attribute_docstrings=True):
    """The limits that apply to requests."""

    max_reviews: Annotated[int, Field(examples=[128])]
    """Maximum reviews per request."""
    max_explained: Annotated[int, Field(examples=[8])]
    """Maximum reviews per request to explain."""
    max_characters: Annotated[int, Field(examples=[50_000])]
    """Maximum characters (Unicode code points) per review."""
    max_explained_length: Annotated[int, Field(examples=[15_000])]
    """Maximum characters per review to explain."""
    max_body_bytes: Annotated[int, Field(examples=[2_000_000])]
    """Maximum bytes per request body."""
    max_waiting: Annotated[int, Field(examples=[1024])]
    """Maximum waiting reviews per worker; excess requests get 503."""


class ModelResponse(Facts, use_attribute_docstrings=True):
    """The served bundle: its manifest, its digest and the limits that apply."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)  # of the encoding

    versions: Annotated[list[str], Field(examples=[["3", "1"]])]
    """All versions that are served, the default first."""
    digest: Annotated[str, Field(examples=["465d37152bfb62f9fdf1f057d7d5525f7e43c86758d083e97c6e6f5502d1fba9"])]
    """SHA-256 of the manifest, which contains the digests of all other files."""
    runtime: Annotated[str, Field(examples=["tensorflow"])]
    """The runtime that executes the network."""
    limits: Limits


class Health(BaseModel, use_attribute_docstrings=True):
    """The state of the service."""

    status: Annotated[Literal["live", "ready"], Field(examples=["ready"])]
    """`live` or `ready`, depending on the endpoint."""


def _without_null(schema: dict[str, Any]) -> None:
    """Remove null as the default of fields that are omitted from responses instead."""
    for part in schema["properties"].values():
        part.pop("default", None)


class Violation(BaseModel, use_attribute_docstrings=True, json_schema_extra=_without_null):
    """One way in which a request is invalid."""

    location: Annotated[str, Field(examples=["reviews.0"])]
    """Position in the request body, or name of a parameter."""
    pointer: Annotated[str | SkipJsonSchema[None], Field(examples=["#/reviews/0"])] = None
    """The same position as a JSON Pointer; only for positions in the request body."""
    message: Annotated[str, Field(examples=["Input should be a valid string"])]
    """What is wrong at this position."""


class Problem(BaseModel, use_attribute_docstrings=True, json_schema_extra=_without_null):
    """An error, and how to resolve it (RFC 9457 problem details)."""

    type: Annotated[str, Field(examples=["/problems/overloaded"])]
    """Stable identifier of the kind of problem, and the path of a page about it."""
    title: Annotated[str, Field(examples=["Overloaded"])]
    """Short name of the kind of problem."""
    status: Annotated[int, Field(ge=400, le=599, examples=[503])]
    """The HTTP status code."""
    detail: Annotated[str, Field(examples=["The limit of 1024 waiting reviews was reached. Try again in a second."])]
    """What is wrong with this request and how to resolve it, for humans."""
    request_id: Annotated[str | SkipJsonSchema[None], Field(examples=["f4d0a5f1c6f04b0c8b1d7d5f0b4b9a3e"])] = None
    """The X-Request-ID of the response, under which the log has the request."""
    limit: Annotated[int | SkipJsonSchema[None], Field(examples=[50_000])] = None
    """The limit that was exceeded."""
    received: Annotated[int | SkipJsonSchema[None], Field(examples=[61_230])] = None
    """The value that was received."""
    index: Annotated[int | SkipJsonSchema[None], Field(examples=[3])] = None
    """Index of the review, counted from 0."""
    errors: list[Violation] | SkipJsonSchema[None] = None
    """Where the request does not match the schema."""
