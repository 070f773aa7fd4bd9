"""What every request gets: an id, one log line, and an answer even when code fails."""

import re
import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import CLIENT_GONE, internal_error
from app.api.state import Service
from app.logs import REQUEST_ID

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""What is taken over from X-Request-ID. Anything else could forge log lines or headers, and is replaced."""

log = structlog.get_logger()


class RequestLog:
    """ASGI middleware, the outermost: request id, one line a request, problem responses for unforeseen failures.

    Review text is never logged: of a request only method, path, status, duration and the client's address are.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = log.bind()  # made once, not for each line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        service: Service = scope["state"]["service"]
        status = CLIENT_GONE
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
                if service.draining:  # so that no client's next request meets a closing socket
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        bound = REQUEST_ID.set(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            self._log.exception("request failed")
            if status == CLIENT_GONE:  # nothing was sent yet
                await internal_error()(scope, receive, send_with_id)
        finally:
            self._line(scope, status, time.perf_counter() - started)
            REQUEST_ID.reset(bound)

    def _line(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        client = scope.get("client")
        (self._log.debug if path.startswith("/health/") and status == 200 else self._log.info)(
            "request",
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 2),
            **({"client": client[0]} if client else {}),
        )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if VALID_REQUEST_ID.fullmatch(given):
                return given
            break
    return secrets.token_hex(16)
