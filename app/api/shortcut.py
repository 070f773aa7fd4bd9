"""The short way for busy paths."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import answer_to
from app.routes import route_of

Handler = Callable[[Request], Awaitable[Response]]


class Shortcut:
    """ASGI middleware: takes requests for busy paths straight to their handlers.

    FastAPI's own way there, through its middleware, routing, dependencies and exit stacks, takes longer than a
    prediction. The handlers are routes of the application as well, which documents them and answers other methods; both
    ways give the same answers.

    Args:
        app: What answers everything else.
        handlers: (method, route as `route_of` names it) -> what answers it.
    """

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self._app = app
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        handler = self._handlers.get((scope["method"], route_of(scope["path"]))) if scope["type"] == "http" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await handler(Request(scope, receive))
        except Exception as error:
            answer = answer_to(error)
            if answer is None:
                raise
            response = answer
        await response(scope, receive, send)
