"""What routes answer, as the OpenAPI document tells it: when which status comes, with examples."""

from typing import Any

from app.api.access import KEY_NEEDED
from app.api.body import NOT_JSON
from app.api.problems import (
    INTERNAL_DETAIL,
    MEDIA_TYPE,
    TYPE_PREFIX,
    BodyTooLarge,
    ReviewTooLong,
    TooManyReviews,
    UnsupportedBody,
    describe,
    invalid,
    problem_of,
)
from app.api.refusals import HEADERS_TOO_LARGE, MALFORMED, TARGET_TOO_LONG, too_slow
from app.api.schemas import Problem
from app.api.state import STARTING
from app.inference.errors import DeadlineExceeded, NotServing, Overloaded

REFERENCE = "#/components/schemas/{model}"


def _raised(*errors: Exception) -> list[Problem]:
    return [problem for error in errors if (problem := problem_of(error))]


WHEN: dict[int, tuple[str, list[Problem]]] = {
    400: ("These bytes are not HTTP/1.1; the connection is closed.", [MALFORMED.problem]),
    401: (
        "The service wants a key, and the request has none that it knows.",
        [describe(401, "unauthorized", KEY_NEEDED)],
    ),
    408: ("The request did not arrive in time; the connection is closed.", [too_slow(20).problem]),
    413: ("The body is too large.", _raised(BodyTooLarge(2_000_000, 3_145_728))),
    414: ("The request's target is too long.", [TARGET_TOO_LONG.problem]),
    415: ("The body is not uncompressed JSON.", _raised(UnsupportedBody(NOT_JSON))),
    422: (
        "The body is not what the schema says, or a limit is exceeded.",
        _raised(
            ReviewTooLong("reviews.3", 3, 50_000, 61_230),
            TooManyReviews(128, 200),
            invalid("reviews.0", "Input should be a valid string"),
        ),
    ),
    431: ("The request's headers are too large.", [HEADERS_TOO_LARGE.problem]),
    500: ("The service failed.", [describe(500, "internal-error", INTERNAL_DETAIL)]),
    503: (
        "The service is starting, stopping or has too much to do; try another replica, or later.",
        _raised(Overloaded(8, 1020, 1024), NotServing(STARTING)),
    ),
    504: ("The reviews were not scored in time.", _raised(DeadlineExceeded(10))),
}
"""Status -> when it is answered, and examples."""

HEADERS = {
    401: {"WWW-Authenticate": {"description": "How to prove who asks.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}},
}
"""Status -> headers that come with it."""

ANYWHERE = (400, 408, 414, 431)
"""What `app.connection` may answer before it knows the path."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document error responses, for a route's `responses`: these, and those that any route may have."""
    return {status: _problem(status) for status in sorted({*ANYWHERE, *statuses})}


def _problem(status: int) -> dict[str, Any]:
    description, kinds = WHEN[status]
    examples = {
        problem.type.removeprefix(TYPE_PREFIX): {
            "summary": problem.title,
            "value": problem.model_dump(exclude_none=True),
        }
        for problem in kinds
    }
    response: dict[str, Any] = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="Problem")}, "examples": examples}},
    }
    if status in HEADERS:
        response["headers"] = HEADERS[status]
    return response


def complete_answer(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Give an example of what status 200 answers, where the route does not."""
    body = operation["responses"]["200"].get("content", {}).get("application/json")
    if body is not None and not {"example", "examples"} & body.keys():
        body["example"] = _example_of(body["schema"], schemas)


def _example_of(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Put an example together from those of a schema's parts."""
    if "$ref" in schema:
        return _example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for named in ("examples", "enum"):
        if named in schema:
            return schema[named][0]
    for named in ("const", "default"):
        if named in schema:
            return schema[named]
    if schema.get("type") == "array":
        return [_example_of(schema["items"], schemas)]
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        return {name: _example_of(properties[name], schemas) for name in schema.get("required", ())}
    return {"boolean": True, "integer": 1, "number": 1.0, "string": ""}.get(schema.get("type", "null"))
