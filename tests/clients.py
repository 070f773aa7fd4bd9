"""Clients that never pause."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from tests.servers import PATIENCE

BODY = json.dumps({"reviews": ["A superb and moving film"]}).encode()
REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
    + BODY
)


class Client(Thread):
    """Sends its next request as soon as it has an answer; on a new connection when it was asked to close the old one.

    It ends when it was told to, or when nobody listens any more. A request that was sent and not answered is lost.

    Args:
        url: Of a server.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._port = int(url.rsplit(":", 1)[1])
        self.outcomes: Counter[str] = Counter()
        self.told_to_end = False

    def run(self) -> None:
        while not self.told_to_end:
            try:
                connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE)
            except ConnectionRefusedError:
                return
            with connection:
                while self._ask(connection) and not self.told_to_end:
                    pass

    def _ask(self, connection: socket.socket) -> bool:
        """Send a request and read its answer; returns whether the connection may be used again."""
        received = b""
        try:
            connection.sendall(REQUEST)
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
    """Status, or how it was lost -> requests, of all clients."""
    return sum((client.outcomes for client in clients), Counter[str]())


@contextmanager
def load(url: str) -> Iterator[list[Client]]:
    """Eight clients at work for as long as the block lasts."""
    clients = [Client(url) for _ in range(8)]
    for client in clients:
        client.start()
    try:
        yield clients
    finally:
        for client in clients:
            client.told_to_end = True
        for client in clients:
            client.join(PATIENCE)


def answered(clients: list[Client]) -> int:
    """Requests that have had any outcome so far."""
    return outcomes_of(clients).total()
