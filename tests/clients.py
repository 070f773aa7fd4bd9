"""Clients that send one request after the other."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

from tests.servers import PATIENCE

REVIEWS = ["A superb and moving film"]


def request_of(reviews: Sequence[str]) -> tuple[bytes, bytes]:
    """The head and the body of a request to score reviews."""
    body = json.dumps({"reviews": reviews}).encode()
    head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode(), body


HEAD, BODY = request_of(REVIEWS)


class Client(Thread):
    """Sends its next request as soon as it has a response, on the same connection unless the response closes it.

    It stops when `stopping` is set, or when the port is closed. A request without a response is lost.

    Args:
        url: The server's URL.
        reviews: The reviews of each request.
        pause: Seconds between a response and the next request.
    """

    def __init__(self, url: str, reviews: Sequence[str], pause: float = 0) -> None:
        super().__init__(daemon=True)
        self._pause = pause
        self._port = int(url.rsplit(":", 1)[1])
        self._request = b"".join(request_of(reviews))
        self.outcomes: Counter[str] = Counter()
        self.bodies: set[bytes] = set()  # the distinct bodies of the responses
        self.stopping = False

    def run(self) -> None:
        while not self.stopping:
            try:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except ConnectionRefusedError:
                return
            with connection:
                reusable = True
                while reusable and not self.stopping:
                    reusable = self._send(connection)
                    time.sleep(self._pause)

    def _send(self, connection: socket.socket) -> bool:
        """Send a request and read its response; returns whether the connection can be used again."""
        received = b""
        try:
            connection.sendall(self._request)
            while b"\r\n\r\n" not in received or len(received.split(b"\r\n\r\n", 1)[1]) < _length(received):
                data = connection.recv(65536)
                if not data:
                    break
                received += data
        except OSError as error:
            self.outcomes[f"lost: {error}"] += 1
            return False
        self.outcomes[received[9:12].decode() if received else "lost: closed"] += 1
        self.bodies.add(received.partition(b"\r\n\r\n")[2])
        return bool(received) and b"connection: close" not in received.lower()


def _length(received: bytes) -> int:
    return int(received.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def outcomes_of(clients: list[Client]) -> Counter[str]:
    """Requests of all clients, by status or by how they were lost."""
    return sum((client.outcomes for client in clients), Counter[str]())


@contextmanager
def load(url: str, reviews: Sequence[str] = REVIEWS, count: int = 8, pause: float = 0) -> Iterator[list[Client]]:
    """Run clients until the end of the block."""
    clients = [Client(url, reviews, pause) for _ in range(count)]
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
