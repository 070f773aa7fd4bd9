"""Routes, what the rest of the service has to know about each, and the one that a request belongs to.

A path decides nothing by itself: middleware, logs, metrics and traces read the policy of the request's route. Only the
format of errors depends on the path (see `ProtocolRouter`), because paths without a route need one as well.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Receive, Scope, Send

from app.api.errors import HANDLED, ErrorFormat, handle, respond
from app.queues.admission import Admission
from app.service import Service

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """What a route is, besides its path and methods.

    Attributes:
        public: Whether requests need no API key, even if keys are configured.
        probe: Whether it is for health checks or scrapes: not traced, and logged at level `debug` if successful.
        content_policy: The Content-Security-Policy of its responses. By default, browsers may only display them.
    """

    public: bool = False
    probe: bool = False
    content_policy: bytes = b"default-src 'none'; frame-ancestors 'none'"


DEFAULT = RoutePolicy()


def policy_of(route: BaseRoute | None) -> RoutePolicy:
    """The policy of a route; the defaults if it has none, or if there is no route."""
    policy: RoutePolicy = getattr(route, "policy", DEFAULT)
    return policy


def route_of(scope: Scope) -> BaseRoute | None:
    """The route that the router has chosen for a request, or will choose; None if there is none."""
    if "route" in scope:
        route: BaseRoute = scope["route"]
        return route
    if not has_valid_path(scope):
        return None
    return next((route for route in scope["app"].routes if route.matches(scope)[0] is Match.FULL), None)


def has_valid_path(scope: Scope) -> bool:
    """Whether every character of the path can be printed.

    To Starlette, `/predict` with a newline at its end is `/predict`: its patterns end with `$`, which also matches
    before a final newline.
    """
    path: str = scope["path"]
    return path.isprintable()


class ProtocolRouter(APIRouter):
    """The routes of another protocol. The OpenAPI document does not describe them, but refers to their specification.

    Args:
        prefix: The beginning of their paths.
        error_format: Renders every error below the prefix, also where there is no route.
        tag: A tag of the OpenAPI document, with a link to the specification.
    """

    def __init__(self, prefix: str, error_format: ErrorFormat, tag: dict[str, Any]) -> None:
        super().__init__(prefix=prefix, include_in_schema=False)
        self.error_format = error_format
        self.tag = tag


class PublicRoute(APIRoute):
    """A route that needs no API key."""

    policy: ClassVar = RoutePolicy(public=True)


class ProbeRoute(APIRoute):
    """A health check. It needs no API key, because the clients of health checks have none."""

    policy: ClassVar = RoutePolicy(public=True, probe=True)


class ScrapeRoute(APIRoute):
    """A route for Prometheus."""

    policy: ClassVar = RoutePolicy(probe=True)


class PublicFiles(Mount):
    """Static files, which need no API key; takes the arguments of `Mount`."""

    policy: ClassVar = RoutePolicy(public=True)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`; also stores the route in the scope, as FastAPI's routes do."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self}


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response.

    FastAPI documents it, but resolves no dependencies and validates no response, which would take longer than a
    prediction. `DirectPaths` sends requests for its path straight to it.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `BaseRoute`."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)  # 405
            return
        request = Request(scope, receive, send)
        try:
            response: Response = await self.endpoint(request)
        except HANDLED as error:
            response = await handle(request, error)
        await response(scope, receive, send)


class PredictionRoute(DirectRoute):
    """A route that scores reviews. While their queue is full, it rejects requests before their body is read."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `BaseRoute`."""
        admission = self.admission_of(scope["state"]["service"])
        if admission.full:  # not raised: that would take a quarter longer, and there may be thousands per second
            await respond(admission.overloaded(), scope)(scope, receive, send)
        else:
            await super().handle(scope, receive, send)

    @staticmethod
    def admission_of(service: Service) -> Admission:
        """What counts its requests."""
        return service.waiting


class ExplanationRoute(PredictionRoute):
    """A route that explains reviews, which are counted on their own."""

    @staticmethod
    def admission_of(service: Service) -> Admission:
        """See `PredictionRoute`."""
        return service.explainer.admission


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for work, and cancel it if the client disconnects first.

    Args:
        request: Its body has been read.
        work: The work that the client is waiting for.

    Raises:
        ClientDisconnect: The client closed the connection.
    """
    task = asyncio.create_task(work)
    disconnected = asyncio.create_task(_disconnection(request))
    try:
        await asyncio.wait((task, disconnected), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        disconnected.cancel()


async def _disconnection(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
