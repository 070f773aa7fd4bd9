"""Clients that send one request after the other."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

from tests.raw_http import Connection, connected_to, post
from tests.servers import PATIENCE

REVIEWS = ["A superb and moving film"]
BODY = json.dumps({"reviews": REVIEWS}).encode()
HEAD = post(BODY).removesuffix(BODY)


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
        self._url, self._pause = url, pause
        self._request = post(json.dumps({"reviews": reviews}).encode())
        self.outcomes: Counter[str] = Counter()
        self.bodies: set[bytes] = set()  # the distinct bodies of the responses
        self.stopping = False

    def run(self) -> None:
        with suppress(ConnectionRefusedError):
            while not self.stopping:
                with connected_to(self._url) as connection:
                    reusable = True
                    while reusable and not self.stopping:
                        reusable = self._send(connection)
                        time.sleep(self._pause)

    def _send(self, connection: Connection) -> bool:
        """Send a request and read its response; returns whether the connection can be used again."""
        connection.send(self._request)
        try:
            answer = connection.answer()
        except OSError as error:
            self.outcomes[f"lost: {error}"] += 1
            return False
        self.outcomes[str(answer.status)] += 1
        self.bodies.add(answer.body)
        return answer.headers["Connection"] != "close"


def outcomes_of(clients: list[Client]) -> Counter[str]:
    """Requests of all clients, by status or by how they were lost."""
    return sum((client.outcomes for client in clients), Counter[str]())


def answered(clients: list[Client]) -> int:
    """Number of requests so far, lost ones included."""
    return outcomes_of(clients).total()


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
