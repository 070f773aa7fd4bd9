"""HTTP responses -> typed results, or errors."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

import httpx

from review_sentiment_client.errors import NO_TYPE, ServiceError
from review_sentiment_client.models import Problem

T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """A response whose body has been read.

    Attributes:
        status: The HTTP status.
        reason: Its name.
        headers: The headers.
        url: Of the request.
        body: As sent; None if it is too large.
        max_bytes: The limit of the body.
    """

    status: int
    reason: str
    headers: httpx.Headers
    url: str
    body: bytearray | None
    max_bytes: int


async def receive(response: httpx.Response, max_bytes: int) -> Response:
    """Read a response, and stop as soon as its body is too large.

    The client asks for uncompressed responses, so a body with a Content-Encoding is not decompressed.
    """
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > max_bytes:
                # The loop goes on, over what has arrived already, and ends. Iterators left by `break` would be closed
                # by tasks of their own, later than the event loop may live.
                await response.aclose()
    except httpx.TransportError:
        if len(body) <= max_bytes:
            raise
    return Response(
        response.status_code,
        response.reason_phrase,
        response.headers,
        str(response.url),
        body if len(body) <= max_bytes else None,
        max_bytes,
    )


def read(kind: type[T], response: Response, first: int = 0) -> T:
    """Read a successful response.

    Args:
        kind: The expected type, one of `models`.
        response: The response.
        first: See `ServiceError`.

    Raises:
        ServiceError: The response is an error, or not of this type.
    """
    if not httpx.codes.is_success(response.status):
        raise _error(response, first)
    result = _parsed(kind, response)
    if result is None:
        detail = f"{_foreign(response)} Check the URL: {response.url} should return a {kind.__name__}."
        raise unexpected(response, detail, first)
    return result


def unexpected(response: Response, detail: str, first: int) -> ServiceError:
    """The error for a response that the service never returns."""
    return ServiceError(response.status, NO_TYPE, detail, _request_id(response), first=first)


def _error(response: Response, first: int) -> ServiceError:
    problem = _parsed(Problem, response) if _media_type(response) == "application/problem+json" else None
    if problem is None:
        return unexpected(response, f"{response.reason}. {_foreign(response)}", first)
    return ServiceError(response.status, problem.type, problem.detail, _request_id(response), problem, first)


def _foreign(response: Response) -> str:
    content = _media_type(response) or "without a Content-Type"
    if response.body is None:
        content += f", more than {response.max_bytes} bytes"
    return f"The response ({content}) does not come from the service, but perhaps from a proxy in front of it."


def _media_type(response: Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _request_id(response: Response) -> str | None:
    request_id: str | None = response.headers.get("X-Request-ID")
    return request_id


def _parsed(kind: type[T], response: Response) -> T | None:
    """None if the body is too large, not JSON, or not of this type."""
    try:
        result: T = _built(kind, json.loads(response.body or b""))
    except (ValueError, TypeError, OverflowError, RecursionError):  # of a large integer, of deep nesting
        return None
    return result


def _built(kind: Any, value: Any) -> Any:
    """Convert JSON to a type. Unknown fields are ignored, as newer services may have more.

    Raises:
        ValueError: The value is not of this type, not finite, or not a probability.
        TypeError: A field is missing.
        OverflowError: A number is too large.
    """
    origin = get_origin(kind)
    if isinstance(kind, UnionType):  # `T | None`
        return None if value is None else _built(get_args(kind)[0], value)
    if isinstance(kind, type) and is_dataclass(kind):
        _check(isinstance(value, dict))
        known = {field.name: _built(field.type, value[field.name]) for field in fields(kind) if field.name in value}
        _check(all(0 <= known[name] <= 1 for name in known if name.startswith("positive_probability")))
        return kind(**known)
    if origin is list:
        _check(isinstance(value, list))
        return [_built(get_args(kind)[0], each) for each in value]
    if origin is dict:
        _check(isinstance(value, dict))
        return {name: _built(get_args(kind)[1], each) for name, each in value.items()}
    if origin is Literal:
        _check(value in get_args(kind))
    elif kind is float:
        _check(type(value) in {int, float} and math.isfinite(value))
        return float(value)
    elif kind is not Any:
        _check(type(value) is kind)
    return value


def _check(valid: bool) -> None:
    if not valid:
        raise ValueError("not of the expected type")
