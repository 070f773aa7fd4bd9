"""Answers to what is not, or not yet, a request: whole responses, made without ASGI."""

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from app.api.problems import UNAVAILABLE, describe, told
from app.api.requests import POLICY
from app.api.schemas import Problem
from app.inference.errors import Overloaded
from app.routes import speaks_protocol

MAX_TARGET = 8_192
"""Bytes of a request line's target; what nginx allows by default."""

MAX_HEADERS = 32_768
"""Bytes of all headers of a request; what nginx allows by default."""

MAX_PIPELINED = 32
"""Requests that may wait for the answer to one before them on the same connection."""


class Refusal(NamedTuple):
    """What a connection answers to something that is not, or not yet, a request."""

    status: HTTPStatus
    type: str
    detail: str
    limit: int | None = None

    @property
    def problem(self) -> Problem:
        """The same as a problem."""
        return describe(self.status, self.type, self.detail, limit=self.limit)

    def response(
        self,
        path: str,
        request_id: str,
        default_headers: Sequence[tuple[bytes, bytes]],
        close: bool,
        retry_after: str | None = None,
    ) -> bytes:
        """The whole response.

        Args:
            path: Of the request, as far as it is known.
            request_id: For X-Request-ID.
            default_headers: Those of the server: the date.
            close: Whether the connection ends with it.
            retry_after: Seconds.
        """
        before, after = _around(self, speaks_protocol(path), tuple(default_headers), close, retry_after)
        return b"%b%b%b" % (before, request_id.encode(), after)


@lru_cache(maxsize=32)
def _around(
    refusal: Refusal,
    protocol: bool,
    default_headers: tuple[tuple[bytes, bytes], ...],
    close: bool,
    retry_after: str | None,
) -> tuple[bytes, bytes]:
    """What stands before and behind the request's id; the same for all refusals of a kind within a second."""
    _, media_type, body = told(refusal.problem, protocol)
    headers = {
        "content-type": media_type,
        "content-length": len(body),
        "x-content-type-options": "nosniff",
        "content-security-policy": POLICY.decode(),
        **({"retry-after": retry_after} if retry_after else {}),
        **({"connection": "close"} if close else {}),
    }
    lines = [
        f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    before = b"".join(b"%b\r\n" % line.encode() for line in lines)
    before += b"".join(b"%b: %b\r\n" % header for header in default_headers)
    return before + b"x-request-id: ", b"\r\n\r\n" + body


MALFORMED = Refusal(
    HTTPStatus.BAD_REQUEST, "malformed-request", "This is not valid HTTP/1.1; the connection is closed."
)
TARGET_TOO_LONG = Refusal(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "uri-too-long",
    f"A request target may have {MAX_TARGET} bytes, this one has more.",
    MAX_TARGET,
)
HEADERS_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    f"A request's headers may have {MAX_HEADERS} bytes, these have more.",
    MAX_HEADERS,
)
TOO_MANY_PIPELINED = Refusal(  # logged, and never sent: those before it are answered, and then the connection ends
    HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-pipelined",
    f"{MAX_PIPELINED} requests may wait on a connection, more do.",
    MAX_PIPELINED,
)


def too_slow(seconds: float) -> Refusal:
    """A request that did not arrive in the time it had."""
    return Refusal(
        HTTPStatus.REQUEST_TIMEOUT,
        "request-timeout",
        f"The request did not arrive within {seconds:g} seconds; the connection is closed.",
    )


def too_busy(limit: int) -> Refusal:
    """A prediction while the queue is full; see `Scorer.full` for how long it is."""
    return Refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        UNAVAILABLE[Overloaded],
        f"The limit of {limit} waiting reviews was reached; until half of them are scored, predictions are refused. "
        "Try another replica, or later.",
    )
