"""HTTP by hand: sends any bytes at all, right or wrong, and reads what the server makes of them."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.client import parse_headers
from typing import Any, BinaryIO, NamedTuple

from tests.servers import Server

PATIENCE = 10.0
"""Seconds to wait for an answer that takes milliseconds on a quiet machine."""


class Answer(NamedTuple):
    """One response; its headers are found in any case."""

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
        with suppress(ConnectionError):  # refused before all of it was sent; why is in the answer
            self._socket.sendall(content)

    def answer(self, to_head: bool = False) -> Answer:
        """Read the next response, be it an interim one; one to HEAD has no body, whatever its headers say."""
        line = self._incoming.readline()
        if not line.startswith(b"HTTP/1.1 "):
            raise AssertionError(f"no answer but {line!r}")
        status = int(line.split()[1])
        headers = parse_headers(self._incoming)
        length = 0 if to_head else int(headers.get("Content-Length", "0"))
        return Answer(status, headers, self._incoming.read(length))

    def closed(self) -> bool:
        """Whether the server has sent all it will send; waits for more or for the end."""
        try:
            return self._incoming.read(1) == b""
        except ConnectionResetError:  # closed with some of our bytes unread
            return True


@contextmanager
def connected(server: Server) -> Iterator[Connection]:
    """Connect to a server of this machine."""
    with connected_to(server.url) as connection:
        yield connection


@contextmanager
def connected_to(url: str) -> Iterator[Connection]:
    """The same by its URL."""
    host, port = url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=PATIENCE) as connection,
        connection.makefile("rb") as incoming,
    ):
        yield Connection(connection, incoming)


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """Put a request together, with nothing in it but what is named; Latin-1, as all bytes can be written in it."""
    return "".join(f"{part}\r\n" for part in (line, *headers, "")).encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    """Write a body of these chunks and the end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
