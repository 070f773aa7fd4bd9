"""From a request's bytes to a valid request, with every limit checked as early as it can be."""

from email.message import Message
from functools import lru_cache

from fastapi import Request
from pydantic import ValidationError

from app.api.problems import BodyTooLarge, InvalidRequest, ReviewTooLong, TooManyReviews, UnsupportedBody
from app.api.schemas import PredictRequest, Violation
from app.api.state import service_of

LONGEST_LOCATION = 100
"""Characters of a field's name that are repeated to the one who sent it."""

UTF8_BOM = b"\xef\xbb\xbf"


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body, and stop as soon as it is too large.

    Raises:
        UnsupportedBody: It is not announced as uncompressed JSON in UTF-8.
        BodyTooLarge: It has, or announces, more than `limit` bytes.
    """
    headers = dict(request.scope["headers"])  # of the few that matter here, no valid request has two
    if objection := _objection(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity")):
        raise UnsupportedBody(objection)
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
    return b"".join(chunks).removeprefix(UTF8_BOM)


@lru_cache(maxsize=32)
def _objection(content_type: bytes, content_encoding: bytes) -> str | None:
    """What is wrong with these headers' values, if anything; clients keep sending the same ones."""
    message = Message()
    message["content-type"] = content_type.decode("latin-1") or "none/none"
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        return "Send JSON with the header Content-Type: application/json."
    if message.get_content_charset("utf-8") not in ("utf-8", "utf8", "us-ascii"):
        return "Send the JSON in UTF-8; other charsets are not read."
    if content_encoding.lower() != b"identity":
        return "Send the body uncompressed; Content-Encoding is not supported."
    return None


async def read_predict_request(request: Request) -> PredictRequest:
    """Read the body of POST /predict.

    Raises:
        RequestRejected: It is not what the schema says, or exceeds a limit.
    """
    settings = service_of(request).settings
    body = await read_body(request, settings.max_body_bytes)
    try:
        parsed = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(_violations(error)) from None  # the cause would carry review text into the log
    if parsed.model_extra:
        unknown = next(iter(parsed.model_extra))
        raise InvalidRequest([Violation(location=_short(unknown), message="Extra inputs are not permitted")])
    if len(parsed.reviews) > settings.max_reviews:
        raise TooManyReviews(settings.max_reviews, len(parsed.reviews))
    for index, review in enumerate(parsed.reviews):
        if len(review) > settings.max_characters:
            raise ReviewTooLong(index, settings.max_characters, len(review))
    return parsed


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
