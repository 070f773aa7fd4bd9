"""From a request's bytes to a valid request, with every limit checked as early as it can be."""

from email.message import Message
from typing import Annotated

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import Headers

from app.api.problems import BodyTooLarge, InvalidRequest, ReviewTooLong, TooManyReviews, UnsupportedBody
from app.api.schemas import PredictRequest, Violation
from app.api.state import service_of

UTF8_BOM = b"\xef\xbb\xbf"


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body, and stop as soon as it is too large.

    Raises:
        UnsupportedBody: It is not announced as uncompressed JSON in UTF-8.
        BodyTooLarge: It has, or announces, more than `limit` bytes.
    """
    _require_json(request.headers)
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLarge(limit, int(announced))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge(limit, len(body))
    return bytes(body).removeprefix(UTF8_BOM)


def _require_json(headers: Headers) -> None:
    message = Message()
    message["content-type"] = headers.get("content-type", "none/none")
    subtype = message.get_content_subtype()
    if message.get_content_maintype() != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise UnsupportedBody("Send JSON with the header Content-Type: application/json.")
    if message.get_content_charset("utf-8") not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedBody("Send the JSON in UTF-8; other charsets are not read.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedBody("Send the body uncompressed; Content-Encoding is not supported.")


async def _predict_request(request: Request) -> PredictRequest:
    settings = service_of(request).settings
    body = await read_body(request, settings.max_body_bytes)
    try:
        parsed = PredictRequest.model_validate_json(body)
    except ValidationError as error:
        raise InvalidRequest(_violations(error)) from None  # the cause would carry review text into the log
    if len(parsed.reviews) > settings.max_reviews:
        raise TooManyReviews(settings.max_reviews, len(parsed.reviews))
    for index, review in enumerate(parsed.reviews):
        if len(review) > settings.max_characters:
            raise ReviewTooLong(index, settings.max_characters, len(review))
    return parsed


def _violations(error: ValidationError) -> list[Violation]:
    # Without the input: it is review text, or anything else that somebody sent.
    return [
        Violation(location=".".join(map(str, item["loc"])) or "body", message=item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    ]


PredictBody = Annotated[PredictRequest, Depends(_predict_request)]
