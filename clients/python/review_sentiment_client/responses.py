"""HTTP responses -> typed results, or errors."""

from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

import httpx

from review_sentiment_client.errors import NO_TYPE, ServiceError
from review_sentiment_client.models import Problem

T = TypeVar("T")


def read(kind: type[T], response: httpx.Response, first: int = 0) -> T:
    """Read a successful response.

    Args:
        kind: The expected type, one of `models`.
        response: Its body has been read.
        first: See `ServiceError`.

    Raises:
        ServiceError: The response is an error, or not of this type.
    """
    if not response.is_success:
        raise _error(response, first)
    result = _parsed(kind, response)
    if result is None:
        detail = f"{_foreign(response)} Check the URL: {response.url} should return a {kind.__name__}."
        raise ServiceError(response.status_code, NO_TYPE, detail, _request_id(response), first=first)
    return result


def _error(response: httpx.Response, first: int) -> ServiceError:
    status, request_id = response.status_code, _request_id(response)
    problem = _parsed(Problem, response) if _media_type(response) == "application/problem+json" else None
    if problem is None:
        return ServiceError(status, NO_TYPE, f"{response.reason_phrase}. {_foreign(response)}", request_id, first=first)
    return ServiceError(status, problem.type, problem.detail, request_id, problem, first)


def _foreign(response: httpx.Response) -> str:
    content = _media_type(response) or "without a Content-Type"
    return f"The response ({content}) does not come from the service, but perhaps from a proxy in front of it."


def _media_type(response: httpx.Response) -> str:
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _request_id(response: httpx.Response) -> str | None:
    request_id: str | None = response.headers.get("X-Request-ID")
    return request_id


def _parsed(kind: type[T], response: httpx.Response) -> T | None:
    """None if the body is not JSON, or not of this type."""
    try:
        result: T = _built(kind, response.json())
    except (ValueError, TypeError):
        return None
    return result


def _built(kind: Any, value: Any) -> Any:
    """Convert JSON objects to dataclasses. Unknown fields are ignored, as newer services may have more."""
    if isinstance(kind, UnionType):  # `T | None`
        if value is None:
            return None
        kind = get_args(kind)[0]
    if isinstance(kind, type) and is_dataclass(kind):
        known = {field.name: field.type for field in fields(kind) if field.name in value}
        return kind(**{name: _built(type_, value[name]) for name, type_ in known.items()})
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        return [_built(item, each) for each in value]
    return value
