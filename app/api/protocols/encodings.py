"""Compressed request bodies; limits apply to the decompressed body."""

import zlib

from fastapi import Request

from app.api.body import read_body
from app.api.errors import BodyTooLarge, UnsupportedBody, invalid
from app.api.state import service_of

GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
"""Makes zlib accept its own format, which HTTP calls deflate, and gzip."""

WRONG_ENCODING = "Send the body with the Content-Encoding gzip or deflate, or uncompressed."


async def read_decoded_body(request: Request) -> bytes:
    """Read a body that may be compressed with gzip or deflate.

    Returns:
        The decompressed body, within the limit for bodies: a small body could expand to gigabytes.

    Raises:
        BodyTooLarge: It is too large, as sent or decompressed.
        InvalidRequest: It does not match its Content-Encoding.
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
    decoder = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        content = decoder.decompress(body, limit + 1)
    except zlib.error:
        content = b""
    if len(content) > limit:
        raise BodyTooLarge(limit, len(content))
    if not decoder.eof or decoder.unused_data:
        name = encoding.removeprefix("x-")
        raise invalid("body", f"The Content-Encoding is {name}, but the body is not complete and valid {name}")
    return content
