"""A proxy in front of the real service: below a prefix, or rejecting requests as an overloaded service does."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx

from app.api.errors import respond
from app.inference.errors import Overloaded
from tests.servers import PATIENCE

RETRY_AFTER = 2
"""Seconds; not the service's own value, which is also the default of some clients."""
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "date", "host", "server"}


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        url: Its address, prefix included.
        refusals: Path, without the prefix -> number of further requests to reject.
        arrivals: When each request arrived, in seconds.
    """

    url: str
    refusals: Counter[str] = field(default_factory=Counter)
    arrivals: list[float] = field(default_factory=list)


@contextmanager
def proxying(service: str, prefix: str = "") -> Iterator[Proxy]:
    """Run a proxy that forwards requests to the URL of a service, without the prefix."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            proxy.arrivals.append(time.monotonic())
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
            elif proxy.refusals[path := self.path.removeprefix(prefix)] > 0:
                proxy.refusals[path] -= 1
                scope: dict[str, Any] = {"path": self.path, "state": {}}
                rejection = respond(Overloaded("the limit of 1024 waiting reviews was reached"), scope)
                rejection.headers["Retry-After"] = str(RETRY_AFTER)
                self.reply(rejection.status_code, dict(rejection.headers), bytes(rejection.body))
            else:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = httpx.request(self.command, service + path, headers=headers, content=content, timeout=PATIENCE)
                self.reply(answer.status_code, dict(answer.headers), answer.content)

        def do_POST(self) -> None:
            self.do_GET()

        def reply(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}{prefix}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
