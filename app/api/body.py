"""From a request's bytes to a valid request, with every limit checked as early as it can be."""

from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from email.message import Message
from functools import lru_cache
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.api.problems import BodyTooLarge, InvalidRequest, ReviewTooLong, TooManyReviews, UnsupportedBody, invalid
from app.api.schemas import PredictRequest, Violation
from app.api.state import service_of

LONGEST_LOCATION = 100
"""Characters of a field's name that are repeated to the one who sent it."""

NOT_JSON = "Send JSON with the header Content-Type: application/json."


Model = TypeVar("Model", bound=BaseModel)
Reviews = TypeVar("Reviews", bound=PredictRequest)


def headers_of(request: Request) -> dict[bytes, bytes]:
    """A request's headers, by name in lower case; of the few that matter here, no valid request has two."""
    return dict(request.scope["headers"])


async def read_body(request: Request, headers: Mapping[bytes, bytes], limit: int) -> bytes:
    """Read a body as it was sent, and stop as soon as it is too large.

    Raises:
        BodyTooLarge: It has, or announces, more than `limit` bytes.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(limit, int(announced))
    chunks: list[bytes] = []
    received = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        received += len(chunk)
        if received > limit:
            raise BodyTooLarge(limit, received)
    return b"".join(chunks)


@lru_cache(maxsize=32)
def _objection(content_type: bytes, content_encoding: bytes) -> str | None:
    """What is wrong with these headers' values, if anything; clients keep sending the same ones."""
    message = Message()
    message["content-type"] = content_type.decode("latin-1") or "none/none"
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        return NOT_JSON
    try:
        charset = message.get_content_charset("utf-8")
    except (TypeError, ValueError):  # parameters as in RFC 2231, but not quite: `a*=x; a*0=y`, `charset*=%00''x`
        return "The parameters of the Content-Type are not valid; send Content-Type: application/json."
    if charset not in ("utf-8", "utf8", "us-ascii"):
        return "Send the JSON in UTF-8; other charsets are not read."
    if content_encoding.lower() != b"identity":
        return "Send the body uncompressed; Content-Encoding is not supported."
    return None


async def read_reviews(request: Request, model: type[Reviews], most: int) -> Reviews:
    """Read the body of a request about reviews, `most` at most.

    Raises:
        RequestRejected: It is not what the schema says, or exceeds a limit.
    """
    headers = headers_of(request)
    if objection := _objection(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity")):
        raise UnsupportedBody(objection)
    settings = service_of(request).settings
    parsed = parsed_as(model, await read_body(request, headers, settings.max_body_bytes))
    if parsed.model_extra:
        unknown = next(iter(parsed.model_extra))
        raise invalid(_short(unknown), "Extra inputs are not permitted")
    check_limits(parsed.reviews, most, settings.max_characters, "reviews")
    return parsed


def parsed_as(model: type[Model], body: bytes) -> Model:
    """Read JSON.

    Raises:
        InvalidRequest: It is none, or not what the model says.
    """
    try:
        return model.model_validate_json(body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise InvalidRequest(_violations(error)) from None  # the cause would carry review text into the log


def check_limits(reviews: Sequence[str], most: int, longest: int, location: str) -> None:
    """See that a request holds no more than it may.

    Args:
        reviews: Those of the request.
        most: How many there may be.
        longest: How many characters each may have.
        location: Where in the body they are.

    Raises:
        TooManyReviews: There are too many.
        ReviewTooLong: One of them is.
    """
    if len(reviews) > most:
        raise TooManyReviews(most, len(reviews))
    for index, review in enumerate(reviews):
        if len(review) > longest:
            raise ReviewTooLong(f"{location}.{index}", index, longest, len(review))


def _violations(error: ValidationError) -> list[Violation]:
    # Without the input: it is review text, or anything else that somebody sent.
    return [
        Violation(location=_short(".".join(map(str, item["loc"]))), message=item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _short(location: str) -> str:
    if len(location) > LONGEST_LOCATION:
        return f"{location[:LONGEST_LOCATION]}…"
    return location or "body"
