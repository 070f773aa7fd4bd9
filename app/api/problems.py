"""Errors that leave the service, as RFC 9457 problem details; `app.api.refusals` has those of what is no request yet.

Clients of other protocols, below /v1 and /v2, are told the same in the form that they read: `{"error": detail}`.

RequestRejected            the request cannot be answered as it is
├── BodyTooLarge           more bytes than a body may have
├── UnsupportedBody        not JSON in UTF-8, or compressed in a way that is not read
├── ModelNotFound          another model or version than the one that is served
├── InvalidRequest         not JSON, or not what the schema says
├── TooManyReviews         more reviews than a request may hold
└── ReviewTooLong          a review with more characters than one may have
"""

from contextvars import ContextVar
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response, status
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.api.schemas import Problem, Violation
from app.inference.errors import DeadlineExceeded, InferenceError, NotServing, Overloaded
from app.routes import speaks_protocol

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:problem-type:sentiment:"
RETRY_AFTER = "1"
"""Seconds. A full queue empties within it, and another replica may answer at once."""

CLIENT_GONE = 499
"""Never sent, only logged: the client closed the connection before its request was read."""

PROBLEM: ContextVar[str | None] = ContextVar("problem", default=None)
"""The kind of problem that the request at hand is answered with, for the log and for the metrics."""

log = structlog.get_logger()


class RequestRejected(Exception):
    """The request cannot be answered as it is."""

    status = status.HTTP_422_UNPROCESSABLE_CONTENT
    type = "invalid-request"

    def __init__(self, detail: str, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions


class BodyTooLarge(RequestRejected):
    """The body has more bytes than it may have; `received` counts those seen or announced."""

    status = status.HTTP_413_CONTENT_TOO_LARGE
    type = "body-too-large"

    def __init__(self, limit: int, received: int) -> None:
        super().__init__(
            f"The body may have {limit} bytes, this one has {received} or more. Send the reviews in several requests.",
            limit=limit,
            received=received,
        )


class UnsupportedBody(RequestRejected):
    """The body is not JSON in UTF-8, or compressed in a way that is not read."""

    status = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    type = "unsupported-media-type"


class ModelNotFound(RequestRejected):
    """The path names another model, or version of it, than the one that is served."""

    status = status.HTTP_404_NOT_FOUND
    type = "model-not-found"

    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"The model served here is {name}, version {version}; there is no other.")


class InvalidRequest(RequestRejected):
    """The body is not JSON, or not what the schema says."""

    def __init__(self, violations: list[Violation]) -> None:
        first = violations[0]
        super().__init__(f"{first.location}: {first.message}", errors=violations)


def invalid(location: str, message: str) -> InvalidRequest:
    """Make the error of a request with one thing wrong: what, and where in the body."""
    return InvalidRequest([Violation(location=location, message=message)])


class TooManyReviews(RequestRejected):
    """More reviews than a request may hold."""

    type = "too-many-reviews"

    def __init__(self, limit: int, received: int) -> None:
        super().__init__(
            f"A request may hold {limit} reviews, this one holds {received}. Send them in several requests.",
            limit=limit,
            received=received,
        )


class ReviewTooLong(RequestRejected):
    """A review with more characters than one may have."""

    type = "review-too-long"

    def __init__(self, location: str, index: int, limit: int, received: int) -> None:
        super().__init__(
            f"A review may have {limit} characters, {location} has {received}. Shorten or split it.",
            limit=limit,
            received=received,
            index=index,
        )


UNAVAILABLE: dict[type[Exception], str] = {Overloaded: "overloaded", NotServing: "not-serving"}
"""Errors that another replica, or a later moment, may not have, and their problem types."""

FRAMEWORK_ERRORS: dict[int, tuple[str, str]] = {
    status.HTTP_400_BAD_REQUEST: ("bad-request", "The request is not valid HTTP for this path."),
    status.HTTP_404_NOT_FOUND: ("not-found", "There is nothing at this path."),
    status.HTTP_405_METHOD_NOT_ALLOWED: (
        "method-not-allowed",
        "This path does not take this method; the Allow header names those it takes.",
    ),
}
"""What the framework raises by itself: problem type, and what people should do."""

INTERNAL_DETAIL = "The service failed. The log has the cause under this response's X-Request-ID."


def describe(status_code: int, type_: str, detail: str, **extensions: Any) -> Problem:
    """Make a problem; see `problem` for the arguments."""
    return Problem(
        type=TYPE_PREFIX + type_,
        title=type_.replace("-", " ").capitalize(),
        status=status_code,
        detail=detail,
        **extensions,
    )


def told(problem: Problem, protocol: bool) -> tuple[int, str, bytes]:
    """A problem's status, media type and body, as this service tells it or as clients of another protocol read it."""
    if protocol:
        # What is wrong with a body is 400 there, as Triton and TensorFlow Serving have it.
        code = (
            status.HTTP_400_BAD_REQUEST if problem.status == status.HTTP_422_UNPROCESSABLE_CONTENT else problem.status
        )
        return code, "application/json", to_json({"error": problem.detail})
    return problem.status, MEDIA_TYPE, problem.model_dump_json(exclude_none=True).encode()


class ProblemResponse(Response):
    """A problem on its way; the request's path says how it is told."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None) -> None:
        super().__init__(status_code=problem.status, headers=headers)
        self._problem = problem
        self._more = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `Response`."""
        code, media_type, body = told(self._problem, speaks_protocol(scope["path"]))
        await Response(body, code, self._more, media_type)(scope, receive, send)


def problem(
    status_code: int, type_: str, detail: str, headers: dict[str, str] | None = None, **extensions: Any
) -> Response:
    """Make a problem response.

    Args:
        status_code: The HTTP status.
        type_: Stable name of the kind of problem, the last part of its `type`; in words, it is the title.
        detail: What is wrong and what to do, for people.
        headers: More headers.
        extensions: More members, such as the limit that was hit.
    """
    return _response(describe(status_code, type_, detail, **extensions), headers)


def _response(problem: Problem, headers: dict[str, str] | None) -> Response:
    PROBLEM.set(problem.type.removeprefix(TYPE_PREFIX))
    return ProblemResponse(problem, headers)


def internal_error() -> Response:
    """Make the answer to a failure that nobody foresaw; it says nothing about the cause."""
    return problem(status.HTTP_500_INTERNAL_SERVER_ERROR, "internal-error", INTERNAL_DETAIL)


def problem_of(error: Exception) -> Problem | None:
    """The problem that an error is to who asked; None for an error that nobody foresaw."""
    match error:
        case RequestRejected():
            return describe(error.status, error.type, error.detail, **error.extensions)
        case InferenceError():
            return describe(status.HTTP_500_INTERNAL_SERVER_ERROR, "internal-error", INTERNAL_DETAIL)
        case DeadlineExceeded():
            detail = f"{_sentence(error)} Send fewer at a time, or try another replica."
            return describe(status.HTTP_504_GATEWAY_TIMEOUT, "deadline-exceeded", detail)
        case Overloaded() | NotServing():
            return describe(status.HTTP_503_SERVICE_UNAVAILABLE, UNAVAILABLE[type(error)], _sentence(error))
    return None


def answer_to(error: Exception) -> Response | None:
    """Make the answer to an error that a handler raised; None for one that nobody foresaw."""
    if isinstance(error, ClientDisconnect):
        return Response(status_code=CLIENT_GONE)
    if isinstance(error, InferenceError):
        log.error("prediction failed", exc_info=error)
    found = problem_of(error)
    if found is None:
        return None
    headers = None
    if isinstance(error, BodyTooLarge):
        # The rest of a body that was refused unread would be taken for the next request's beginning.
        headers = {"Connection": "close"}
    elif isinstance(error, Overloaded | NotServing):
        headers = {"Retry-After": RETRY_AFTER}
    return _response(found, headers)


def _sentence(error: Exception) -> str:
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}."


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error with a problem; unforeseen ones are logged by `app.api.requests`."""
    for error in (RequestRejected, InferenceError, DeadlineExceeded, *UNAVAILABLE, ClientDisconnect):
        app.add_exception_handler(error, _foreseen)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _unforeseen)


async def _foreseen(_: Request, error: Exception) -> Response:
    answer = answer_to(error)
    assert answer is not None
    return answer


async def _unforeseen(_: Request, __: Exception) -> Response:
    return internal_error()


async def _framework_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    type_, detail = FRAMEWORK_ERRORS.get(error.status_code, ("http-error", error.detail))
    if error.status_code == status.HTTP_404_NOT_FOUND and (document := request.app.openapi_url):
        detail = f"{detail[:-1]}; {document} lists what there is."
    headers = dict(error.headers) if error.headers else None
    if headers and headers.get("Allow") == "GET":
        headers["Allow"] = "GET, HEAD"  # see `app.api.head`
    return problem(error.status_code, type_, detail, headers)
