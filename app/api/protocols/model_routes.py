"""Routes of the model, with and without its version in the path."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from app.api.openapi import protocol_errors


def add_model_route(
    router: APIRouter,
    verb: str,
    endpoint: Callable[..., Any],
    operation_id: str,
    summary: str,
    errors: tuple[str, ...],
    document: dict[str, Any] | None = None,
    responses: dict[int | str, dict[str, Any]] | None = None,
    **options: Any,
) -> None:
    """Add a route of the model, and the same route with the version in its path.

    Args:
        router: Receives both routes.
        verb: The end of the path, after the model.
        endpoint: Endpoint of both.
        operation_id: With `{}` where `_version` goes.
        summary: Summary of both.
        errors: Names of error responses, besides those of every such route; see `protocol_errors`.
        document: Additional fields for the OpenAPI document.
        responses: Additional documentation of successful responses.
        options: See `APIRouter.add_api_route`.
    """
    more = document or {}
    for path, suffix in (("", ""), ("/versions/{model_version}", "_version")):
        router.add_api_route(
            f"/models/{{model_name}}{path}{verb}",
            endpoint,
            operation_id=operation_id.format(suffix),
            summary=f"{summary} (by version)" if suffix else summary,
            responses={**(responses or {}), **protocol_errors(*errors, "Unauthorized", "ModelNotFound")},
            openapi_extra={**more, "parameters": [*_path_parameters(bool(suffix)), *more.get("parameters", ())]},
            **options,
        )


def reject_verb(request: Request) -> None:
    """Reject GET for a path with a verb, such as `imdb:predict`, which the router mistakes for a model's name.

    Raises:
        HTTPException: The path has a verb.
    """
    if ":" in "".join(request.path_params.values()):
        raise HTTPException(405, headers={"Allow": "POST"})


def _path_parameters(versioned: bool) -> list[dict[str, Any]]:
    """Document the path parameters; the endpoints read them from the request."""
    parameters = [_path_parameter("model_name", "Name of the served bundle.", "imdb")]
    if versioned:
        parameters.append(_path_parameter("model_version", "A served version.", "3"))
    return parameters


def _path_parameter(name: str, description: str, example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    }
