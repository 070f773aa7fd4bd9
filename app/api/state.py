"""The application's state, created when it starts, and access to it from requests."""

from typing import TypedDict

from starlette.requests import Request

from ..service import ServedVersion, Service
from .errors import ModelNotFound

MODEL_PATHS = ("/models/{model_name}", "/models/{model_name}/versions/{model_version}")
"""Paths of the model under other protocols."""


class State(TypedDict):
    """The lifespan's state, which uvicorn copies into the scope of every request."""

    service: Service


def service_of(request: Request) -> Service:
    """The service behind all requests."""
    service: Service = request.scope["state"]["service"]
    return service


def version_of(request: Request, service: Service) -> ServedVersion:
    """The version that a request names in its path (`MODEL_PATHS`) or query, or the default version.

    Raises:
        ModelNotFound: The model or version is not served.
    """
    path = request.path_params
    version = path.get("model_version")
    if request.scope["query_string"] and not path:  # parsing an empty query takes time, too
        version = request.query_params.get("version")
    served = service.default if version is None else service.versions.get(version)
    if served is None or (path and path["model_name"] != service.name):
        raise ModelNotFound(service.name, list(service.versions))
    return served
