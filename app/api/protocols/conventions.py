"""What both protocols share: the model in their paths, and the form of their errors."""

from collections.abc import Mapping

from fastapi import Request, Response
from pydantic_core import to_json

from app.api.errors import ModelNotFound
from app.api.schemas import Problem
from app.api.state import find_version, service_of
from app.service import ServedVersion

INPUT = "text"
"""The model's only input."""

MODEL = ("/models/{model_name}", "/models/{model_name}/versions/{model_version}")
"""Paths of the model."""


def version_of(request: Request) -> ServedVersion:
    """The version that a request names in its path, or the default version.

    Raises:
        ModelNotFound: It names another model, or a version that is not served.
    """
    service, path = service_of(request), request.path_params
    if path["model_name"] != service.name:
        raise ModelNotFound(service.name, list(service.versions))
    return find_version(service, path.get("model_version"))


def error_response(problem: Problem, headers: Mapping[str, str]) -> Response:
    """Render a problem as Triton and TensorFlow Serving do, which return 400 for an invalid body."""
    status = 400 if problem.status == 422 else problem.status
    return Response(to_json({"error": problem.detail}), status, dict(headers), "application/json")
