"""Responses that clients may keep and revalidate with their ETag (RFC 9110, section 13)."""

import hashlib

from fastapi import Request, Response


def revalidated(request: Request, content: bytes) -> Response:
    """Respond with JSON and its ETag, or with 304 if the client has the same already."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
