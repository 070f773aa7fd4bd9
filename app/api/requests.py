"""What every request gets: an id, one log line, and an answer even when code fails."""

import re
import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access import CALLER
from app.api.problems import CLIENT_GONE, PROBLEM, internal_error
from app.api.state import Service
from app.logs import REQUEST_ID
from app.routes import DOCS, REDOC

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""What is taken over from X-Request-ID. Anything else could forge log lines or headers, and is replaced."""

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
"""W3C Trace Context: version, trace, parent, flags, and what later versions may add."""

POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""What a browser may do with an answer: nothing but show it."""

_OWN = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'; "
)
PAGE_POLICIES = {
    "/": _OWN + b"style-src 'self'; img-src 'self'",
    # Swagger UI has pictures in its styles.
    DOCS: _OWN + b"style-src 'self'; img-src 'self' data:",
    # Redoc writes its styles itself, and looks for words in a worker that it makes of a text.
    REDOC: _OWN + b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src blob:",
}
"""The same for the pages there are: only what comes from this service, and no script within a page."""

ANSWERED = "sentiment.answered"
"""In a request's ASGI scope: the status that the connection has sent already, because the rest of it did not arrive."""

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
        request_id, trace_id = ids_of(scope)
        service: Service = scope["state"]["service"]
        status = CLIENT_GONE
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += (
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"content-security-policy", PAGE_POLICIES.get(scope["path"], POLICY)),
                )
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
            seconds = time.perf_counter() - started
            status = scope.get(ANSWERED, status)
            reason = PROBLEM.get()
            service.recorder.request(scope["method"], scope["path"], status, seconds, reason)
            if reason is not None:
                PROBLEM.set(None)
            self._line(scope, status, seconds, reason, trace_id)
            REQUEST_ID.reset(bound)

    def _line(self, scope: Scope, status: int, seconds: float, reason: str | None, trace_id: str | None) -> None:
        path = scope["path"]
        client = scope.get("client")
        (self._log.debug if path.startswith("/health/") and status == 200 else self._log.info)(
            "request",
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 2),
            **({"client": client[0]} if client else {}),
            **({"key": scope[CALLER]} if CALLER in scope else {}),
            **({"problem": reason} if reason else {}),
            **({"trace_id": trace_id} if trace_id else {}),
        )


def ids_of(scope: Scope) -> tuple[str, str | None]:
    """The request's id, its own or a new one, and the trace that it belongs to."""
    request_id = trace_id = None
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if VALID_REQUEST_ID.fullmatch(given):
                request_id = given
        elif name == b"traceparent" and (match := TRACEPARENT.fullmatch(value.decode("latin-1"))):
            trace_id = match[1]
    return request_id or secrets.token_hex(16), trace_id
