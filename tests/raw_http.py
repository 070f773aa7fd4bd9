"""HTTP over plain sockets: sends any bytes, valid or not, and reads the responses."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.client import parse_headers
from typing import Any, BinaryIO, NamedTuple

import pytest

from tests.servers import PATIENCE, Server

PARSERS = ["httptools", pytest.param("h11", marks=pytest.mark.slow)]
"""The parameters of fixtures that run the service with each HTTP parser."""


class Answer(NamedTuple):
    """One response; header names are case-insensitive."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A plain TCP connection."""

    def __init__(self, connection: socket.socket, incoming: BinaryIO) -> None:
        self._socket = connection
        self._incoming = incoming

    def send(self, content: bytes) -> None:
        with suppress(ConnectionError):  # rejected before all of it was sent; the response says why
            self._socket.sendall(content)

    def send_no_more(self) -> None:
        """Shut down the sending side."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> Answer:
        """Read the next response, also an interim one."""
        line = self._incoming.readline()
        if not line:
            raise ConnectionError("closed")
        assert line.startswith(b"HTTP/1.1 "), line
        status = int(line.split()[1])
        headers = parse_headers(self._incoming)
        # A 400 of h11 has no length: it ends when the connection is closed.
        ends = status >= 200 and headers["Connection"] == "close" and "Content-Length" not in headers
        return Answer(status, headers, self._incoming.read(-1 if ends else int(headers.get("Content-Length", "0"))))

    def closed(self) -> bool:
        """Whether the server closes the connection before it sends anything else."""
        try:
            return self._incoming.read(1) == b""
        except ConnectionResetError:  # closed with some of our bytes unread
            return True


@contextmanager
def connected(server: Server) -> Iterator[Connection]:
    """Connect to a server."""
    with connected_to(server.url) as connection:
        yield connection


@contextmanager
def connected_to(url: str) -> Iterator[Connection]:
    """Connect to the server with this URL."""
    host, port = url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as connection,
        connection.makefile("rb") as incoming,
    ):
        yield Connection(connection, incoming)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Serialize a request with exactly these headers, in Latin-1, which can represent any byte."""
    return "".join(f"{part}\r\n" for part in (line, *headers, "")).encode("latin-1") + body


def post(body: bytes, *headers: str, target: str = "/predict", content_type: str = "application/json") -> bytes:
    """Serialize a request with a body, also for a target and a type that make no sense."""
    given = ("Host: x", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers)
    return request(f"POST {target} HTTP/1.1", *given, body=body)


def chunked(*chunks: bytes) -> bytes:
    """Serialize a chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
