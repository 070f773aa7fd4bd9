"""From a request's bytes to a validated request. Every limit is checked as early as possible."""

import asyncio
from codecs import BOM_UTF8
from email.message import Message
from functools import lru_cache
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from app.api.errors import (
    BodyTimeout,
    BodyTooLarge,
    InvalidRequest,
    UnsupportedBody,
    invalid,
)
from app.api.schemas import PredictRequest, Violation
from app.api.state import service_of
from app.inference.limits import check_reviews

MAX_LOCATION = 100
"""Maximum characters of a field's name in an error."""

NOT_JSON = "Send JSON with the header Content-Type: application/json."

Model = TypeVar("Model", bound=BaseModel)
Reviews = TypeVar("Reviews", bound=PredictRequest)


async def read_body(request: Request) -> bytes:
    """Read a body as it was sent, and stop as soon as it is too large or too slow.

    Raises:
        BodyTimeout: It did not arrive within the request timeout.
        BodyTooLarge: It has, or declares, more bytes than allowed.
        ClientDisconnect: The client closed the connection.
    """
    settings = service_of(request).settings
    limit = settings.max_body_bytes
    declared = dict(request.scope["headers"]).get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit, int(declared))
    task = asyncio.current_task()
    assert task is not None
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    # The same as `asyncio.timeout`, in a third of its time.
    timer = asyncio.get_running_loop().call_later(settings.request_timeout, expire)
    try:
        return await _receive(request, limit)
    except asyncio.CancelledError:
        if not expired or task.uncancel():  # the server has cancelled the request (as well)
            raise
        raise BodyTimeout(settings.request_timeout) from None
    finally:
        timer.cancel()


async def _receive(request: Request, limit: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(limit, len(body))
        more = message.get("more_body", False)
    return bytes(body)


@lru_cache(maxsize=32)
def _unsupported(content_type: bytes, content_encoding: bytes) -> str | None:
    """Return why these headers are unsupported, if they are; cached, as clients keep sending the same ones."""
    message = Message()
    message["content-type"] = content_type.decode("latin-1") or "none/none"
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        return NOT_JSON
    try:
        charset = message.get_content_charset("utf-8")
    except (TypeError, ValueError):  # malformed RFC 2231 parameters: `a*=x; a*0=y`, `charset*=%00''x`
        return "The parameters of the Content-Type are not valid; send Content-Type: application/json."
    if charset not in ("utf-8", "utf8", "us-ascii"):
        return "Send the JSON in UTF-8; other charsets are not supported."
    if content_encoding.lower() != b"identity":
        return "Send the body uncompressed; Content-Encoding is not supported."
    return None


async def read_reviews(request: Request, model: type[Reviews], max_reviews: int) -> Reviews:
    """Read the JSON body of a request about reviews.

    Args:
        request: The body has not been read yet.
        model: The model to parse it into.
        max_reviews: Maximum number of reviews.

    Raises:
        RequestError: The body does not match the schema.
        LimitExceeded: There are too many reviews, or one is too long.
        ClientDisconnect: The client closed the connection.
    """
    headers = dict(request.scope["headers"])
    if reason := _unsupported(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity")):
        raise UnsupportedBody(reason)
    parsed = parse(model, await read_body(request))
    if parsed.model_extra:
        unknown = next(iter(parsed.model_extra))
        raise invalid(_short(unknown), "Extra inputs are not permitted")
    check_reviews(parsed.reviews, max_reviews, service_of(request).settings.max_characters, "reviews")
    return parsed


def parse(model: type[Model], body: bytes) -> Model:
    """Parse JSON straight into a model.

    Raises:
        InvalidRequest: The body is not JSON, or does not match the model.
    """
    try:
        return model.model_validate_json(body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise InvalidRequest(_violations(error)) from None  # the cause would put review text into the log


def _violations(error: ValidationError) -> list[Violation]:
    # Without the input, which may be review text.
    return [
        Violation(location=_short(".".join(map(str, item["loc"]))), message=item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _short(location: str) -> str:
    if len(location) > MAX_LOCATION:
        return f"{location[:MAX_LOCATION]}…"
    return location or "body"
