"""Compressed request bodies, whose limits count what they contain."""

import zlib

from fastapi import Request

from app.api.body import read_body
from app.api.errors import BodyTooLarge, UnsupportedBody, invalid
from app.api.state import service_of

GZIP = 16 + zlib.MAX_WBITS
RAW = -zlib.MAX_WBITS
MAX_MEMBERS = 64
"""Of a gzip body. The rest of the body is copied for each member: 90,000 empty ones, within 2 MB, took 4 s."""

WRONG_ENCODING = "Send the body with the Content-Encoding gzip or deflate, or uncompressed."


async def read_decoded_body(request: Request) -> bytes:
    """Read a body that may be compressed with gzip or deflate.

    Returns:
        The decoded body, within the limit for bodies: a small one could contain gigabytes.

    Raises:
        BodyTooLarge: It is too large, as sent or decoded.
        InvalidRequest: It is not what its Content-Encoding says.
        UnsupportedBody: Its Content-Encoding is not supported.
        BodyTimeout, ClientDisconnect: See `read_body`.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise UnsupportedBody(WRONG_ENCODING)
    body = await read_body(request)
    if encoding == "identity":
        return body
    limit = service_of(request).settings.max_body_bytes
    try:
        return _deflated(body, limit) if encoding == "deflate" else _gunzipped(body, limit)
    except zlib.error:
        name = encoding.removeprefix("x-")
        raise invalid("body", f"The body is not complete and valid {name}, which Content-Encoding announces") from None


def _gunzipped(body: bytes, limit: int) -> bytes:
    """Decode one or more gzip members."""
    contents: list[bytes] = []
    room = limit
    while body:
        if len(contents) == MAX_MEMBERS:
            raise invalid("body", f"Send at most {MAX_MEMBERS} gzip members")
        decoder = zlib.decompressobj(GZIP)
        contents.append(_expanded(decoder, body, room, limit))
        room -= len(contents[-1])
        body = decoder.unused_data
    return b"".join(contents)


def _deflated(body: bytes, limit: int) -> bytes:
    """Decode a zlib stream, which HTTP calls deflate, or a raw one, which some clients call deflate too."""
    is_zlib = len(body) >= 2 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    decoder = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else RAW)
    content = _expanded(decoder, body, limit, limit)
    if decoder.unused_data:
        raise zlib.error
    return content


def _expanded(decoder: "zlib._Decompress", body: bytes, room: int, limit: int) -> bytes:
    content = decoder.decompress(body, room + 1)
    if len(content) > room:
        raise BodyTooLarge(limit, limit + 1)
    if not decoder.eof:
        raise zlib.error
    return content
