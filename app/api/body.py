"""From a request's bytes to a validated request. Every limit is checked as early as possible."""

import asyncio
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar
from urllib.parse import quote

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from ..settings import Settings
from .errors import BodyTimeout, BodyTooLarge, InvalidRequest, UnsupportedBody, invalid
from .schemas import Violation

MAX_LOCATION = 100
"""Maximum characters of a field's name in an error."""

JSON = re.compile(
    rb"""application/(?:[\w!#$&^.+-]+\+)?json(?:[ \t]*+;[ \t]*+(?:charset=("?)(?:utf-?8|us-ascii)\1)?+)*+[ \t]*+""",
    re.IGNORECASE,
)
"""The accepted values of Content-Type."""

NOT_JSON = "Send JSON in UTF-8 with the header Content-Type: application/json."

ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
"""Makes zlib accept its own format, which HTTP calls deflate, and gzip."""

PIECE = 16_384
"""Bytes to decompress at a time: after each member of gzip, and there may be thousands, zlib copies the rest."""

TIMED_OUT = "the body did not arrive in time"
"""Tells the cancellation by the timeout from one by the server."""

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, settings: Settings, any_type: bool = False) -> bytes:
    """Read a body, which may be compressed, and stop as soon as it is too large or too slow.

    Args:
        request: Its body has not been read yet.
        settings: The limits.
        any_type: Whether its Content-Type does not matter.

    Returns:
        The decompressed body.

    Raises:
        BodyTimeout: It did not arrive within the request timeout.
        BodyTooLarge: It has, or declares, more bytes than allowed, as sent or decompressed.
        ClientDisconnect: The client closed the connection.
        InvalidRequest: It does not match its Content-Encoding.
        UnsupportedBody: Its Content-Type, Content-Encoding or Transfer-Encoding is not supported.
    """
    limit = settings.max_body_bytes
    headers = dict(request.scope["headers"])
    if not any_type and not JSON.fullmatch(headers.get(b"content-type", b"")):
        raise UnsupportedBody(NOT_JSON)
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(limit, int(declared))
    if b"transfer-encoding" in headers and _all_of(request, "transfer-encoding") != "chunked":
        raise UnsupportedBody(
            "Send the body with a Content-Length or Transfer-Encoding: chunked; a Content-Encoding may compress it."
        )
    encoding = _all_of(request, "content-encoding") if b"content-encoding" in headers else "identity"
    if encoding not in ENCODINGS:
        raise UnsupportedBody("Send the body with the Content-Encoding gzip or deflate, or uncompressed.")
    body = await _receive(request, limit, settings.request_timeout)
    return body if encoding == "identity" else _decompress(body, encoding.removeprefix("x-"), limit)


def _all_of(request: Request, name: str) -> str:
    """The values of all headers of this name, which mean the same as one list."""
    return ", ".join(request.headers.getlist(name)).strip().lower()


async def _receive(request: Request, limit: int, seconds: float) -> bytes:
    task = asyncio.current_task()
    assert task is not None
    # The same as `asyncio.timeout`, which takes longer, and every request needs it.
    timer = asyncio.get_running_loop().call_later(seconds, task.cancel, TIMED_OUT)
    body, more = bytearray(), True
    try:
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > limit:
                raise BodyTooLarge(limit, len(body))
            more = message.get("more_body", False)
    except asyncio.CancelledError as error:
        if TIMED_OUT not in error.args or task.uncancel():  # the server has cancelled the request (as well)
            raise
        raise BodyTimeout(seconds) from None
    finally:
        timer.cancel()
    return bytes(body)


def _decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """Decompress at most one byte more than allowed: a small body could expand to gigabytes."""
    content = bytearray()
    decoder = zlib.decompressobj(GZIP_OR_ZLIB)
    with suppress(zlib.error):  # then the decoder does not reach its end
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            while piece:
                if decoder.eof:  # another member of gzip
                    decoder = zlib.decompressobj(GZIP_OR_ZLIB)
                content += decoder.decompress(piece, limit + 1 - len(content))
                if len(content) > limit:
                    raise BodyTooLarge(limit, len(content))
                piece = decoder.unused_data
    if not decoder.eof:
        message = f"The Content-Encoding is {encoding}, but the body is not complete and valid {encoding}"
        raise invalid("body", message)
    return bytes(content)


def parse(model: type[Model], body: bytes) -> Model:
    """Parse JSON straight into a model.

    Raises:
        InvalidRequest: The body is not JSON, or does not match the model.
    """
    try:
        parsed = model.model_validate_json(body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        # Neither the input nor the cause, which would put review text into the response and the log.
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidRequest([violation(item["loc"], item["msg"]) for item in errors]) from None
    if parsed.model_extra:
        unknown = next(iter(parsed.model_extra))
        raise InvalidRequest([violation([unknown], "Extra inputs are not permitted")])
    return parsed


def violation(path: Sequence[str | int], message: str) -> Violation:
    """Make the violation at a path of the request body."""
    location = ".".join(map(str, path))
    if len(location) > MAX_LOCATION:  # the name of an unknown field
        return Violation(location=f"{location[:MAX_LOCATION]}…", message=message)
    if not path:
        return Violation(location="body", message=message)
    tokens = [quote(str(part).replace("~", "~0").replace("/", "~1")) for part in path]  # RFC 6901, sections 3 and 6
    return Violation(location=location, pointer=f"#/{'/'.join(tokens)}", message=message)
