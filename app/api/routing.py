"""Busy routes: no dependency resolution, and no work for clients that have disconnected."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

Result = TypeVar("Result")


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request and returns the response.

    FastAPI still routes it and documents it, but resolves no dependencies and validates no response, which would take
    longer than a prediction.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`: its documented hook for custom request handling."""
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler


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
