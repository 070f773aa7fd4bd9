"""The application's state, created when it starts, and access to it from requests."""

from typing import TypedDict

from starlette.requests import Request

from ..service import ServedVersion, Service
from .errors import ModelNotFound


class State(TypedDict):
    """The lifespan's state, which uvicorn copies into the scope of every request."""

    service: Service


def service_of(request: Request) -> Service:
    """The service behind all requests."""
    service: Service = request.scope["state"]["service"]
    return service


def version_of(request: Request, service: Service) -> ServedVersion:
    """The version that a request names in its query, or the default version.

    Raises:
        ModelNotFound: The version is not served.
    """
    query = request.scope["query_string"]  # parsing an empty one takes time, too
    return find_version(service, request.query_params.get("version") if query else None)


def find_version(service: Service, version: str | None) -> ServedVersion:
    """The served version of this name, or the default version if None.

    Raises:
        ModelNotFound: The version is not served.
    """
    served = service.default if version is None else service.versions.get(version)
    if served is None:
        raise ModelNotFound(service.name, list(service.versions))
    return served
