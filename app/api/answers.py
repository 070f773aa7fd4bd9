"""What routes answer, as the OpenAPI document tells it: when which status comes, with examples."""

from typing import Any

from app.api.access import KEY_NEEDED
from app.api.problems import INTERNAL_DETAIL, MEDIA_TYPE, describe
from app.api.refusals import HEADERS_TOO_LARGE, MALFORMED, TARGET_TOO_LONG

REFERENCE = "#/components/schemas/{model}"

WHEN: dict[int, tuple[str, dict[str, tuple[str, dict[str, Any]]]]] = {
    400: ("These bytes are not HTTP/1.1; the connection is closed.", {MALFORMED.type: (MALFORMED.detail, {})}),
    401: ("The service wants a key, and the request has none that it knows.", {"unauthorized": (KEY_NEEDED, {})}),
    408: (
        "The request did not arrive in time; the connection is closed.",
        {"request-timeout": ("The request did not arrive within 20 seconds; the connection is closed.", {})},
    ),
    413: (
        "The body is too large.",
        {
            "body-too-large": (
                "The body may have 2000000 bytes, this one has 3145728 or more. Send the reviews in several requests.",
                {"limit": 2_000_000, "received": 3_145_728},
            )
        },
    ),
    414: ("The request's target is too long.", {TARGET_TOO_LONG.type: (TARGET_TOO_LONG.detail, {})}),
    415: (
        "The body is not uncompressed JSON.",
        {"unsupported-media-type": ("Send JSON with the header Content-Type: application/json.", {})},
    ),
    422: (
        "The body is not what the schema says, or a limit is exceeded.",
        {
            "review-too-long": (
                "A review may have 50000 characters, reviews.3 has 61230. Shorten or split it.",
                {"limit": 50_000, "received": 61_230, "index": 3},
            ),
            "too-many-reviews": (
                "A request may hold 128 reviews, this one holds 200. Send them in several requests.",
                {"limit": 128, "received": 200},
            ),
            "invalid-request": (
                "reviews.0: Input should be a valid string",
                {"errors": [{"location": "reviews.0", "message": "Input should be a valid string"}]},
            ),
        },
    ),
    431: ("The request's headers are too large.", {HEADERS_TOO_LARGE.type: (HEADERS_TOO_LARGE.detail, {})}),
    500: ("The service failed.", {"internal-error": (INTERNAL_DETAIL, {})}),
    503: (
        "The service is starting, stopping or has too much to do; try another replica, or later.",
        {
            "overloaded": ("1020 reviews are waiting, 8 more would exceed the limit of 1024.", {}),
            "not-serving": ("The service is starting; try again in a moment.", {}),
        },
    ),
    504: (
        "The reviews were not scored in time.",
        {
            "deadline-exceeded": (
                "The reviews waited for the model for more than 10 seconds. "
                "Send fewer at a time, or try another replica.",
                {},
            )
        },
    ),
}
"""Status -> when it is answered, and examples: a problem's type -> its detail and its further members."""

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
    examples = {}
    for type_, (detail, members) in kinds.items():
        problem = describe(status, type_, detail, **members)
        examples[type_] = {"summary": problem.title, "value": problem.model_dump(exclude_none=True)}
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
