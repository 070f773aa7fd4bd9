"""Middleware that every request passes through: context, API keys, admission. Plain ASGI, outermost first."""

import asyncio
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Iterable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import CLIENT_DISCONNECTED, Unauthorized, respond
from app.api.pages import PAGE_POLICIES
from app.inference.errors import NotServing
from app.service import Service
from app.telemetry.logs import REQUEST_ID
from app.telemetry.metrics import OTHER

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""Accepted values of X-Request-ID. Anything else could forge log lines or headers, and is replaced."""

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
"""W3C Trace Context: version, trace id, parent id, flags, and whatever later versions add."""

POLICY = b"default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of responses that are not pages: browsers may only display them."""

PROTECTED = ("/predict", "/explain", "/model", "/metrics")
PROTECTED_BELOW = ("/v1/models", "/v2/models")

CUT_OFF = "the service stopped before it had finished this request"

log = structlog.get_logger()


class RequestContext:
    """Gives every request an id, security headers, a log line, metrics, and a response even if the code fails.

    Review text is never logged.

    Args:
        app: The next ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = log.bind()  # binding once saves time on every line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service: Service = scope["state"]["service"]
        request_id, trace_id = ids_of(scope)
        status = CLIENT_DISCONNECTED  # until a response starts
        complete = False
        started = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += (
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"content-security-policy", PAGE_POLICIES.get(scope["path"], POLICY)),
                )
                if service.draining:  # so that no client sends its next request to a closing socket
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif not message.get("more_body", False):
                complete = True
            await send(message)

        token = REQUEST_ID.set(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        except asyncio.CancelledError:  # by uvicorn, after the shutdown timeout
            if status != CLIENT_DISCONNECTED:
                raise
            await respond(NotServing(CUT_OFF), scope)(scope, receive, send_with_headers)
        except Exception as error:
            if complete:  # uvicorn could not parse the next request of this connection, and closes it
                raise
            self._log.exception("request failed")
            if status == CLIENT_DISCONNECTED:
                await respond(error, scope)(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            problem = scope["state"].get("problem")
            service.metrics.request(scope["method"], route_of(scope), status, seconds, problem)
            self._write_line(scope, status, seconds, problem, trace_id)
            REQUEST_ID.reset(token)

    def _write_line(self, scope: Scope, status: int, seconds: float, problem: str | None, trace_id: str | None) -> None:
        path, client, key = scope["path"], scope.get("client"), scope["state"].get("key")
        write = self._log.debug if path.startswith("/health/") and status == 200 else self._log.info
        write(
            "request",
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 2),
            **({"client": client[0]} if client else {}),
            **({"key": key} if key else {}),
            **({"problem": problem} if problem else {}),
            **({"trace_id": trace_id} if trace_id else {}),
        )


def ids_of(scope: Scope) -> tuple[str, str | None]:
    """The request's own id or a new one, and the id of the trace that it belongs to."""
    headers = dict(scope["headers"])
    request_id: str = headers.get(b"x-request-id", b"").decode("latin-1")
    if not VALID_REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16)
    trace = TRACEPARENT.fullmatch(headers.get(b"traceparent", b"").decode("latin-1"))
    return request_id, trace[1] if trace else None


def route_of(scope: Scope) -> str:
    """The path template by which a request is counted, for example `/v2/models/{model_name}/infer`.

    The router records the route; requests that were rejected before routing are matched here.
    """
    route = scope.get("route") or next(
        (route for route in scope["app"].routes if route.matches(scope)[0] is Match.FULL), None
    )
    return getattr(route, "path", OTHER)


class ApiKeys:
    """Rejects requests without a valid API key, on the paths that require one.

    Health checks stay open, as probes have no keys; so does the documentation, which contains no secrets.
    Only the keys' SHA-256 digests stay in memory. A key is compared with all of them, each in constant time.

    Args:
        app: The next ASGI application.
        keys: The valid keys; two while one is being rotated.
    """

    def __init__(self, app: ASGIApp, keys: Iterable[str]) -> None:
        self._app = app
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        if scope["type"] == "http" and needs_key(scope["path"]) and not self._knows(scope):
            await respond(Unauthorized(), scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        digest = hashlib.sha256(key.strip().encode("latin-1")).digest()
        known = [hmac.compare_digest(digest, other) for other in self._digests]
        if scheme.lower() != "bearer" or not any(known):
            return False
        scope["state"]["key"] = digest.hex()[:8]  # for the log
        return True


def needs_key(path: str) -> bool:
    """Whether a path requires an API key, if any are configured."""
    return path in PROTECTED or path.startswith(PROTECTED_BELOW)


class Admission:
    """Rejects requests to score or explain reviews while their queue is full, before the body is read.

    Every POST route does one or the other; everything else is exempt.

    Args:
        app: The next ASGI application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; see the class."""
        if scope["type"] == "http" and scope["method"] == "POST":
            service: Service = scope["state"]["service"]
            queue = service.explainer if scope["path"].endswith("explain") else service.waiting
            if queue.full:
                await respond(queue.overloaded(), scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)
