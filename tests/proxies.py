"""A real HTTP server in front of the service, which first returns the errors that it is given."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import httpx

from app.api.errors import respond
from app.model.errors import Overloaded
from tests.servers import PATIENCE


class Reply(NamedTuple):
    status: int
    content: bytes
    headers: dict[str, str]


class Received(NamedTuple):
    """A request: when it arrived (`time.monotonic`), its path with the query, and its body."""

    time: float
    path: str
    body: bytes


class Proxy(NamedTuple):
    url: str
    received: list[Received]


def overloaded(retry_after: str) -> Reply:
    """What an overloaded service returns, with another Retry-After."""
    response = respond(Overloaded("the limit of 1024 waiting reviews was reached"), {"path": "/", "state": {}})
    headers = {"Content-Type": str(response.media_type), "Retry-After": retry_after}
    return Reply(response.status_code, bytes(response.body), headers)


@contextmanager
def proxying(url: str, replies: Sequence[Reply | None]) -> Iterator[Proxy]:
    """Return one reply to each request, then forward the requests.

    Args:
        url: Of the service.
        replies: None closes the connection instead.
    """
    pending = list(replies)
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.append(Received(time.monotonic(), self.path, body))
            reply = pending.pop(0) if pending else self.forward(body)
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        def forward(self, body: bytes) -> Reply:
            headers = {name: value for name, value in self.headers.items() if name in ("Authorization", "Content-Type")}
            target = f"{url}{self.path}"
            response = httpx.request(self.command, target, content=body, headers=headers, timeout=PATIENCE)
            kept = {name: response.headers[name] for name in ("Content-Type", "X-Request-ID")}
            return Reply(response.status_code, response.content, kept)

        def do_GET(self) -> None:
            self.do_POST()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield Proxy(f"http://127.0.0.1:{server.server_port}", received)
        finally:
            server.shutdown()
            thread.join()
