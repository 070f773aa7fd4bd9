"""How the protocols' routes stand in the OpenAPI document."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from app.api.answers import ANYWHERE, HEADERS, REFERENCE, WHEN
from app.api.problems import ModelNotFound
from app.api.protocols.encodings import WRONG_ENCODING
from app.api.protocols.schemas import ProtocolError

DIFFERENT = {
    404: ("Another model or version than the one that is served.", ModelNotFound("imdb", "2").detail),
    415: ("The body is compressed in a way that is not read.", WRONG_ENCODING),
}
"""Status -> when it is answered, and an example, where that differs from the rest of the service."""


def errors(*statuses: int, wrong: str | None = None) -> dict[int | str, dict[str, Any]]:
    """Document error responses, for a route's `responses`.

    Args:
        statuses: These, and those that any route may have.
        wrong: What may be wrong with a body, for an example; None if the route takes none.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    for status in sorted({*ANYWHERE, *statuses}):
        if status in DIFFERENT:
            when, example = DIFFERENT[status]
        else:
            when, problems = WHEN[status]
            example = problems[0].detail
        responses[status] = _error(status, when, example)
    if wrong is not None:
        responses[400] = _error(400, "The body is not what the protocol says, or a limit is exceeded.", wrong)
    return responses


def _error(status: int, when: str, example: str) -> dict[str, Any]:
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
    wrong: str | None = None,
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
        wrong: See `errors`.
        options: See `APIRouter.add_api_route`.
    """
    more = document or {}
    for path, suffix, of_version in (("", "", ""), ("/versions/{model_version}", "_version", ", of a version")):
        router.add_api_route(
            f"/models/{{model_name}}{path}{verb}",
            handler,
            operation_id=operation_id.format(suffix),
            summary=f"{summary}{of_version}",
            responses={**(answers or {}), **errors(*statuses, wrong=wrong)},
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
