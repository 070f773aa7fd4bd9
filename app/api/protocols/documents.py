"""How the protocols' routes stand in the OpenAPI document."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

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


def add_model_route(
    router: APIRouter,
    verb: str,
    handler: Callable[..., Any],
    operation_id: str,
    summary: str,
    statuses: tuple[int, ...],
    document: dict[str, Any] | None = None,
    answers: dict[int | str, dict[str, Any]] | None = None,
    **options: Any,
) -> None:
    """Add a route about the model, and the same with the version in its path.

    Args:
        router: Gets both.
        verb: What follows the name in the path.
        handler: What answers.
        operation_id: With `{}` where `_version` goes.
        summary: Without the version.
        statuses: Of the errors that it may answer.
        document: More for the OpenAPI document.
        answers: More about its responses.
        options: See `APIRouter.add_api_route`.
    """
    more = document or {}
    for path, suffix, of_version in (("", "", ""), ("/versions/{model_version}", "_version", ", of a version")):
        router.add_api_route(
            f"/models/{{model_name}}{path}{verb}",
            handler,
            operation_id=operation_id.format(suffix),
            summary=f"{summary}{of_version}",
            responses={**(answers or {}), **errors(*statuses)},
            openapi_extra={**more, "parameters": [*_path_parameters(bool(suffix)), *more.get("parameters", ())]},
            **options,
        )


def _path_parameters(versioned: bool) -> list[dict[str, Any]]:
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
