"""The application's state, created when it starts, and access to it from requests."""

from typing import TypedDict

from starlette.requests import HTTPConnection

from app.api.errors import ModelNotFound
from app.service import ServedVersion, Service


class State(TypedDict):
    """The lifespan's state, which uvicorn copies into the scope of every request."""

    service: Service


def service_of(request: HTTPConnection) -> Service:
    """The service that received a request."""
    service: Service = request.scope["state"]["service"]
    return service


def version_of(request: HTTPConnection) -> ServedVersion:
    """The version that a request names in its path or its query, or the default version.

    Raises:
        ModelNotFound: It names another model, or a version that is not served.
    """
    service = service_of(request)
    path, version = request.path_params, None
    if "model_name" in path:
        version = path.get("model_version")
    elif request.scope["query_string"]:  # parsing an empty one takes time, too
        version = request.query_params.get("version")
    served = service.default if version is None else service.versions.get(version)
    if served is None or ("model_name" in path and path["model_name"] != service.name):
        raise ModelNotFound(service.name, list(service.versions))
    return served
