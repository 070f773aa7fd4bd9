"""Routes, and what the rest of the service has to know about each.

A path decides nothing by itself: middleware, logs, metrics and traces read the policy of the request's route. Only the
format of errors depends on the path (`app.api.errors`), because paths without a route need one as well.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar, NamedTuple, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Receive, Scope, Send

from ..service import Service
from .errors import HANDLED, handle, respond

Result = TypeVar("Result")


class RoutePolicy(NamedTuple):
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
        """Match as `Mount` does, and store the route in the scope, as FastAPI's routes do."""
        match, child_scope = super().matches(scope)
        return match, {**child_scope, "route": self}


class PredictionRoute(APIRoute):
    """A route that scores reviews; its endpoint takes the request and returns the response.

    FastAPI documents it, but resolves no dependencies and validates no response, which would take longer than a
    prediction. While the queue is full, it rejects requests before their body is read.
    """

    explains: ClassVar = False

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # 405
            return
        request = Request(scope, receive, send)
        service: Service = scope["state"]["service"]
        admission = service.explainer.admission if self.explains else service.waiting
        if admission.full:  # not raised: that would take longer, and there may be thousands per second
            response = respond(admission.overloaded(), scope)
        else:
            try:
                response = await self.endpoint(request)
            except HANDLED as error:
                response = await handle(request, error)
        await response(scope, receive, send)


class ExplanationRoute(PredictionRoute):
    """A route that explains reviews, which are counted on their own."""

    explains: ClassVar = True


async def unless_disconnected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for work, and cancel it if the client disconnects first.

    Args:
        request: Its body has been read.
        work: The work that the client is waiting for.

    Raises:
        ClientDisconnect: The client closed the connection.
    """
    task = asyncio.create_task(work)
    disconnected = asyncio.ensure_future(request.receive())  # after the body, nothing else can arrive
    try:
        await asyncio.wait((task, disconnected), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        disconnected.cancel()
