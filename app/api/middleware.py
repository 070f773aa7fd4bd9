"""Middleware that every request passes through: context, API keys, short cuts. Plain ASGI, outermost first."""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Iterable, Mapping

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..model.errors import NotServing
from ..service import Service
from ..telemetry.logs import REQUEST_ID, line_handler
from ..telemetry.metrics import OTHER
from .errors import CLIENT_DISCONNECTED, Unauthorized, respond
from .routing import PredictionRoute, policy_of

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""Accepted values of X-Request-ID. Anything else could forge log lines or headers, and is replaced."""

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
"""W3C Trace Context: version, trace id, parent id, flags, and whatever later versions add."""

CUT_OFF = "the service stopped before it had finished this request"

log = logging.getLogger(__name__)


class RequestContext:
    """Gives every request an id, security headers, a log line, metrics, and a response even if the code fails.

    Review text is never logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = line_handler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service: Service = scope["state"]["service"]
        request_id, trace_id = ids_of(dict(scope["headers"]))
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
                    (b"content-security-policy", policy_of(scope.get("route")).content_policy),
                )
                if service.draining:  # so that no client sends its next request to a closing socket
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif not message.get("more_body", False):
                complete = True
            try:
                await send(message)
            except Exception:  # uvicorn could not parse the rest of the body, and has answered the request itself
                complete = True
                raise

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
            log.exception("request failed")
            if status == CLIENT_DISCONNECTED:
                await respond(error, scope)(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            problem = scope["state"].get("problem")
            path = getattr(scope.get("route"), "path", OTHER)
            service.metrics.request(scope["method"], path, status, seconds, problem)
            self._write_line(scope, status, seconds, problem, trace_id)
            REQUEST_ID.reset(token)

    def _write_line(self, scope: Scope, status: int, seconds: float, problem: str | None, trace_id: str | None) -> None:
        level = logging.DEBUG if status == 200 and policy_of(scope.get("route")).probe else logging.INFO
        if not log.isEnabledFor(level):
            return
        fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": round(seconds * 1000, 2)}
        if client := scope.get("client"):
            fields["client"] = client[0]
        if key := scope["state"].get("key"):
            fields["key"] = key
        if problem:
            fields["problem"] = problem
        if trace_id:
            fields["trace_id"] = trace_id
        self._log.write(level, "request", fields)


def ids_of(headers: Mapping[bytes, bytes]) -> tuple[str, str | None]:
    """The request's own id or a new one, and the id of the trace that it belongs to."""
    request_id = headers.get(b"x-request-id", b"").decode("latin-1")
    trace = TRACEPARENT.fullmatch(headers.get(b"traceparent", b"").decode("latin-1"))
    valid = VALID_REQUEST_ID.fullmatch(request_id)
    return request_id if valid else secrets.token_hex(16), trace[1] if trace else None


def one_length(app: ASGIApp) -> ASGIApp:
    """Reject requests with Content-Length and Transfer-Encoding, which h11 accepts and proxies read differently."""

    async def check_length(scope: Scope, receive: Receive, send: Send) -> None:
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope.get("headers", ())}:
            await respond(HTTPException(400, headers={"Connection": "close"}), scope)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return check_length


def api_keys(app: ASGIApp) -> ASGIApp:
    """Reject requests without a valid API key, unless their route is public.

    Without a key, paths that do not exist are rejected too, so that no mistake in a path or a route opens anything.
    """

    async def check_key(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not has_key(scope) and not policy_of(find_route(scope)).public:
            await respond(Unauthorized(), scope)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return check_key


def has_key(scope: Scope) -> bool:
    """Whether a request has a valid key; its digest is compared with those of all keys, each in constant time."""
    scheme, _, key = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
    service: Service = scope["state"]["service"]
    digest = hashlib.sha256(key.strip()).digest()
    known = [hmac.compare_digest(digest, other) for other in service.key_digests]
    if scheme.lower() != b"bearer" or not any(known):
        return False
    scope["state"]["key"] = digest.hex()[:8]  # for the log
    return True


def find_route(scope: Scope) -> BaseRoute | None:
    """Find the route that the router would choose, and store it in the scope for the metrics, as the router does."""
    routes: list[BaseRoute] = scope["app"].routes
    route = next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
    scope["route"] = route
    return route


def direct_paths(app: ASGIApp, routes: Iterable[PredictionRoute]) -> ASGIApp:
    """Send requests for the exact path of one of these routes straight to it.

    They skip FastAPI's router, its exception handling and its exit stack, which these routes do not need.
    """
    direct = {
        (method, route.path): route
        for route in routes
        for method in route.methods or ()
        if not route.param_convertors  # the router has to find the parameters in the path
    }

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        route = direct.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await app(scope, receive, send)
        else:
            scope["route"] = route
            await route.handle(scope, receive, send)

    return choose
