"""Errors as HTTP responses: one table, one renderer. Only this module chooses statuses.

Errors are RFC 9457 problem details, except below the prefix of a `ProtocolRouter` (`app.api.routing`).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.api.schemas import Problem, Violation
from app.model.errors import (
    DeadlineExceeded,
    InferenceError,
    NotServing,
    Overloaded,
    ReviewTooLong,
    SentimentError,
    TooManyReviews,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:problem-type:sentiment:"
RETRY_AFTER = "1"
"""Seconds. A full queue empties within that time, and another replica may answer at once."""

CLIENT_DISCONNECTED = 499
"""Logged and counted, never sent: the client closed the connection before it was answered."""

ErrorFormat = Callable[[Problem, Mapping[str, str]], Response]
"""Renders a problem, with these headers."""

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
    """Make the error for a request with a single violation."""
    return InvalidRequest([Violation(location=location, message=message)])


class ProblemType(NamedTuple):
    """The response to one kind of error.

    Attributes:
        status: The HTTP status.
        type: Last part of the problem's type, and reason in the metrics.
        detail: Replaces the error's own message, where that is not meant for clients.
        advice: Added to the error's own message.
        headers: More headers.
    """

    status: int
    type: str
    detail: str | None = None
    advice: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


INTERNAL_ERROR = ProblemType(
    500, "internal-error", "The service failed. Its log has the cause under this response's X-Request-ID."
)
RETRY = {"Retry-After": RETRY_AFTER}
PROBLEMS: dict[type[Exception], ProblemType] = {
    Unauthorized: ProblemType(401, "unauthorized", headers={"WWW-Authenticate": 'Bearer realm="sentiment"'}),
    ModelNotFound: ProblemType(404, "model-not-found"),
    BodyTimeout: ProblemType(408, "request-timeout", headers={"Connection": "close"}),
    BodyTooLarge: ProblemType(413, "body-too-large"),
    UnsupportedBody: ProblemType(415, "unsupported-media-type"),
    InvalidRequest: ProblemType(422, "invalid-request"),
    TooManyReviews: ProblemType(422, "too-many-reviews"),
    ReviewTooLong: ProblemType(422, "review-too-long"),
    InferenceError: INTERNAL_ERROR,
    Overloaded: ProblemType(
        503, "overloaded", advice="Try again in a second, or send the request to another replica.", headers=RETRY
    ),
    NotServing: ProblemType(503, "not-serving", advice="Send the request to another replica.", headers=RETRY),
    DeadlineExceeded: ProblemType(
        504, "deadline-exceeded", advice="Send fewer reviews per request, or try another replica."
    ),
}
"""The table: exception -> response. Anything else is an internal error."""

FRAMEWORK_PROBLEMS = {
    400: ProblemType(400, "bad-request", "The request is not valid HTTP for this path."),
    404: ProblemType(404, "not-found", "There is nothing at this path. The API documentation lists the paths."),
    405: ProblemType(405, "method-not-allowed", "This path does not support this method; see the Allow header."),
}
"""The same for exceptions of Starlette and FastAPI, by status."""

REASONS = sorted({problem.type for problem in (*PROBLEMS.values(), *FRAMEWORK_PROBLEMS.values())})
"""All problem types, without their prefix."""


def problem_type_of(error: Exception) -> ProblemType:
    """Look up an exception in the table."""
    if isinstance(error, HTTPException):
        kind = FRAMEWORK_PROBLEMS.get(error.status_code) or ProblemType(error.status_code, "http-error", error.detail)
        return kind._replace(headers=error.headers or {})
    return next((PROBLEMS[class_] for class_ in type(error).__mro__ if class_ in PROBLEMS), INTERNAL_ERROR)


def problem_of(error: Exception) -> Problem:
    """Convert an exception to a problem, without the cause of an internal error."""
    kind = problem_type_of(error)
    return Problem(
        type=TYPE_PREFIX + kind.type,
        title=kind.type.replace("-", " ").capitalize(),
        status=kind.status,
        detail=kind.detail or (_sentence(error) + kind.advice if kind.advice else str(error)),
        **(error.members if isinstance(error, SentimentError) else {}),
    )


def respond(error: Exception, scope: Scope) -> Response:
    """Render an exception as the response to a request.

    The problem's type is stored in the request's state, for the log and the metrics.
    """
    kind = problem_type_of(error)
    scope["state"]["problem"] = kind.type
    return _format_of(scope)(problem_of(error), kind.headers)


def _format_of(scope: Scope) -> ErrorFormat:
    """Choose by the path, since errors such as 404 have no route."""
    path: str = scope["path"]
    formats: Mapping[str, ErrorFormat] = scope["state"].get("error_formats", {})
    for prefix, error_format in formats.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return error_format
    return problem_response


def problem_response(problem: Problem, headers: Mapping[str, str]) -> Response:
    """Render a problem according to RFC 9457."""
    return Response(problem.model_dump_json(exclude_none=True), problem.status, dict(headers), MEDIA_TYPE)


HANDLED = (SentimentError, HTTPException, ClientDisconnect)
"""The exceptions that `handle` takes; `RequestContext` takes all others."""


def add_error_handlers(app: FastAPI) -> None:
    """Have the framework handle exceptions with `handle`."""
    for error in HANDLED:
        app.add_exception_handler(error, handle)


async def handle(request: Request, error: Exception) -> Response:
    """Render an exception as the response to a request, and log it if it is an internal error."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=CLIENT_DISCONNECTED)
    if problem_type_of(error) is INTERNAL_ERROR:
        log.error("request failed", exc_info=error)
    return respond(error, request.scope)


def _sentence(error: Exception) -> str:
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}. "
