"""How the protocols' routes stand in the OpenAPI document."""

from typing import Any

from app.api.answers import ANYWHERE, HEADERS, REFERENCE, WHEN
from app.api.protocols.schemas import ProtocolError

EXAMPLES = {
    400: (
        "The body is not what the protocol says, or a limit is exceeded.",
        "inputs.0.shape: This says 2 reviews, there are 1",
    ),
    404: (
        "Another model or version than the one that is served.",
        "The model served here is imdb, version 2; there is no other.",
    ),
    415: (
        "The body is compressed in a way that is not read.",
        "Send the body with the Content-Encoding gzip or deflate, or uncompressed.",
    ),
}
"""Status -> when it is answered, and an example, where that differs from the rest of the service."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document error responses, for a route's `responses`: these, and those that any route may have."""
    return {status: _error(status) for status in sorted({*ANYWHERE, *statuses})}


def _error(status: int) -> dict[str, Any]:
    if status in EXAMPLES:
        when, example = EXAMPLES[status]
    else:
        when, problems = WHEN[status]
        example, _ = next(iter(problems.values()))
    headers = HEADERS.get(status)
    return {
        "description": when,
        "content": {
            "application/json": {
                "schema": {"$ref": REFERENCE.format(model=ProtocolError.__name__)},
                "example": {"error": example},
            }
        },
        **({"headers": headers} if headers else {}),
    }


def path_parameters(versioned: bool) -> list[dict[str, Any]]:
    """Document what a path names; the handlers read it from the path itself."""
    parameters = [_path_parameter("model_name", "Name of the served bundle.", "imdb")]
    if versioned:
        parameters.append(_path_parameter("model_version", "Version of the served bundle.", "2"))
    return parameters


def _path_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }
