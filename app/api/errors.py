"""Errors as HTTP responses: one table, one renderer. Only this module chooses statuses.

Errors are RFC 9457 problem details, except under the paths of other protocols, whose clients expect `{"error": …}`.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fastapi import Request, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from ..model.errors import (
    DeadlineExceeded,
    InferenceError,
    NotServing,
    Overloaded,
    ReviewTooLong,
    SentimentError,
    TooManyReviews,
)
from ..telemetry.logs import REQUEST_ID
from .schemas import Problem, Violation

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
"""Where the pages about problem types are (`app.pages`)."""

RETRY = {"Retry-After": "1"}
"""In seconds. A full queue empties within that time, and another replica may answer at once."""

CLIENT_DISCONNECTED = 499
"""Logged and counted, never sent: the client closed the connection before it was answered."""

OTHER_PROTOCOLS = re.compile("/v[12](/|$)")
"""Paths of `app.api.protocols`. Errors go by the path, since one that does not exist needs the right format, too."""

log = logging.getLogger(__name__)


class Unauthorized(SentimentError):
    """The request has no API key, or an unknown one."""

    def __init__(self) -> None:
        super().__init__("An API key is required: send the header Authorization: Bearer <key>.")


class ModelNotFound(SentimentError):
    """The request names a model or version that is not served."""

    def __init__(self, name: str, versions: Sequence[str]) -> None:
        noun, verb, which = ("version", "is", "that") if len(versions) == 1 else ("versions", "are", "one of these")
        served = f"Only {name}, {noun} {', '.join(versions)}, {verb} served"
        super().__init__(f"{served}; request {which} or omit the version.")


class BodyTimeout(SentimentError):
    """The body did not arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request body did not arrive within {seconds:g} seconds. Send it again, or send less.")


class BodyTooLarge(SentimentError):
    """The body has more bytes than allowed; `received` counts those received or declared."""

    def __init__(self, limit: int, received: int) -> None:
        super().__init__(
            f"The body may have at most {limit} bytes; this one has {received} or more. "
            "Send the reviews in several requests.",
            limit=limit,
            received=received,
        )


class UnsupportedBody(SentimentError):
    """According to the headers, the body is not JSON in UTF-8, or its Content-Encoding is not supported."""


class InvalidRequest(SentimentError):
    """The body is not JSON, or does not match the schema."""

    def __init__(self, violations: list[Violation]) -> None:
        first = violations[0]
        super().__init__(f"{first.location}: {first.message}", errors=violations)


def invalid(location: str, message: str) -> InvalidRequest:
    """Make the error for a request with a single violation, without a pointer."""
    return InvalidRequest([Violation(location=location, message=message)])


class ProblemType(NamedTuple):
    """The response to one kind of error.

    Attributes:
        status: The HTTP status.
        type: Last part of the problem's type, and reason in the metrics.
        about: What has happened, for all errors of this kind; with the advice, it is their page.
        advice: Added to the error's own message.
        headers: More headers.
    """

    status: int
    type: str
    about: str
    advice: str = ""
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.type.replace("-", " ").capitalize()


INTERNAL_ERROR = ProblemType(
    500, "internal-error", "The service failed. Its log has the cause under this response's X-Request-ID."
)
PROBLEMS: dict[type[Exception] | int, ProblemType] = {
    400: ProblemType(400, "bad-request", "The request is not valid HTTP for this path."),
    404: ProblemType(404, "not-found", "There is nothing at this path. The API documentation lists the paths."),
    405: ProblemType(405, "method-not-allowed", "This path does not support this method; see the Allow header."),
    Unauthorized: ProblemType(
        401,
        "unauthorized",
        "This service requires an API key. Ask its operator for one, and send the header Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": 'Bearer realm="sentiment"'},
    ),
    ModelNotFound: ProblemType(404, "model-not-found", "This model or version is not served; GET /model lists them."),
    BodyTimeout: ProblemType(
        408,
        "request-timeout",
        "The request body did not arrive in time. Send it again, or send less.",
        headers={"Connection": "close"},
    ),
    BodyTooLarge: ProblemType(
        413, "body-too-large", "The body, as sent or decompressed, is too large. Send the reviews in several requests."
    ),
    UnsupportedBody: ProblemType(
        415, "unsupported-media-type", "Send JSON in UTF-8, uncompressed or with the Content-Encoding gzip or deflate."
    ),
    InvalidRequest: ProblemType(
        422, "invalid-request", "The request does not match the API documentation; its errors say where."
    ),
    TooManyReviews: ProblemType(
        422, "too-many-reviews", "The request has too many reviews. Send them in several requests."
    ),
    ReviewTooLong: ProblemType(422, "review-too-long", "A review is too long. Shorten or split it."),
    InferenceError: INTERNAL_ERROR,
    Overloaded: ProblemType(
        503,
        "overloaded",
        "Too many reviews are waiting or being explained.",
        advice="Try again in a second, or send the request to another replica.",
        headers=RETRY,
    ),
    NotServing: ProblemType(
        503,
        "not-serving",
        "The service is stopping, or no replica answers.",
        advice="Send the request to another replica.",
        headers=RETRY,
    ),
    DeadlineExceeded: ProblemType(
        504,
        "deadline-exceeded",
        "The reviews were not scored or explained in time.",
        advice="Send fewer reviews per request, or try another replica.",
    ),
}
"""The table: exception, or status of a Starlette `HTTPException` -> response. Anything else is an internal error."""

BALANCER_PROBLEMS = (
    ProblemType(400, "malformed-request", "The request is not valid HTTP."),
    ProblemType(414, "uri-too-long", "The request line is too long."),
    ProblemType(
        429, "too-many-requests", "This client sends too many requests at once. Use fewer connections, or wait."
    ),
    ProblemType(431, "headers-too-large", "The headers are too large. Send fewer or shorter ones."),
)
"""What only the balancer of deploy/nginx.conf returns. Its other types are the service's own."""

REASONS = sorted({kind.type for kind in PROBLEMS.values()})
"""All problem types of the service, without their prefix."""


def problem_type_of(error: Exception) -> ProblemType:
    """Look up an exception in the table."""
    if isinstance(error, HTTPException):
        status = error.status_code
        kind = PROBLEMS.get(status) or ProblemType(status, "http-error", error.detail)
        return kind._replace(headers=error.headers or {})
    return next((PROBLEMS[class_] for class_ in type(error).__mro__ if class_ in PROBLEMS), INTERNAL_ERROR)


def problem_of(error: Exception) -> Problem:
    """Convert an exception to a problem, without the cause of an internal error."""
    kind = problem_type_of(error)
    detail, members = kind.about, {}
    if isinstance(error, SentimentError) and kind is not INTERNAL_ERROR:  # other messages are not meant for clients
        detail, members = str(error), error.members
        if kind.advice:
            detail = f"{detail[:1].upper()}{detail[1:]}. {kind.advice}"
    return Problem(
        type=TYPE_PREFIX + kind.type,
        title=kind.title,
        status=kind.status,
        detail=detail,
        request_id=REQUEST_ID.get(),
        **members,
    )


def respond(error: Exception, scope: Scope) -> Response:
    """Render an exception as the response to a request.

    The problem's type is stored in the request's state, for the log and the metrics.
    """
    kind, problem = problem_type_of(error), problem_of(error)
    scope["state"]["problem"] = kind.type
    if OTHER_PROTOCOLS.match(scope["path"]):
        status = 400 if kind.status == 422 else kind.status  # as Triton and TensorFlow Serving do
        return Response(to_json({"error": problem.detail}), status, dict(kind.headers), "application/json")
    return Response(problem.model_dump_json(exclude_none=True), kind.status, dict(kind.headers), MEDIA_TYPE)


HANDLED = (SentimentError, HTTPException, ClientDisconnect)
"""The exceptions that `handle` takes. `RequestContext` takes all others."""


async def handle(request: Request, error: Exception) -> Response:
    """Render an exception as the response to a request, and log it if it is an internal error."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=CLIENT_DISCONNECTED)
    if problem_type_of(error) is INTERNAL_ERROR:
        log.error("request failed", exc_info=error)
    return respond(error, request.scope)
