"""Clients that never pause."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from tests.servers import PATIENCE

BODY = json.dumps({"reviews": ["A superb and moving film"]}).encode()
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
)


class Client(Thread):
    """Sends its next request as soon as it has a response, on the same connection unless the response closes it.

    It stops when `stopping` is set, or when the port is closed. A request without a response is lost.

    Args:
        url: The server's URL.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._port = int(url.rsplit(":", 1)[1])
        self.outcomes: Counter[str] = Counter()
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except ConnectionRefusedError:
                return
            with connection:
                while self._send(connection) and not self.stopping:
                    pass

    def _send(self, connection: socket.socket) -> bool:
        """Send a request and read its response; returns whether the connection can be used again."""
        received = b""
        try:
            connection.sendall(HEAD + BODY)
            while b"\r\n\r\n" not in received or len(received.split(b"\r\n\r\n", 1)[1]) < _length(received):
                data = connection.recv(65536)
                if not data:
                    break
                received += data
        except OSError as error:
            self.outcomes[f"lost: {error}"] += 1
            return False
        self.outcomes[received[9:12].decode() if received else "lost: closed"] += 1
        return bool(received) and b"connection: close" not in received.lower()


def _length(received: bytes) -> int:
    return int(received.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def outcomes_of(clients: list[Client]) -> Counter[str]:
    """Requests of all clients, by status or by how they were lost."""
    return sum((client.outcomes for client in clients), Counter[str]())


@contextmanager
def load(url: str) -> Iterator[list[Client]]:
    """Run eight clients until the end of the block."""
    clients = [Client(url) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.stopping = True
        for client in clients:
            client.join(PATIENCE)
            assert not client.is_alive()


def answered(clients: list[Client]) -> int:
    """Number of requests so far, lost ones included."""
    return outcomes_of(clients).total()
