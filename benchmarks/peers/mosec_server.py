"""mosec: an HTTP front end in Rust that forms dynamic batches, and Python processes that score them.

Two worker processes, one per core; batches of at most 16 requests that wait for at most 1 ms. mosec recommends
measuring the best `max_batch_size` and `max_wait_time`, the latter below the duration of a call, and choosing the
serialisation (https://github.com/mosecorg/mosec#performance-tuning). At 32 connections 16 was best, as two workers
share the requests in flight. JSON by msgspec, which mosec installs.
"""

import os
from typing import Any

import msgspec

from benchmarks.peers.common import HOST, PORT, open_newest_classifier, respond

os.environ |= {"MOSEC_ADDRESS": HOST, "MOSEC_PORT": str(PORT), "MOSEC_LOG_LEVEL": "error"}

from mosec import Server, Worker


class SentimentWorker(Worker):  # type: ignore[misc] # mosec is not installed where types are checked
    """Scores batches; each process has one."""

    def __init__(self) -> None:
        super().__init__()
        self._classifier = open_newest_classifier()

    def deserialize(self, data: bytes) -> Any:
        """Parse a request body."""
        return msgspec.json.decode(data)

    def serialize(self, data: dict[str, Any]) -> bytes:
        """Write a response body."""
        body: bytes = msgspec.json.encode(data)
        return body

    def forward(self, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Score a batch."""
        return respond(self._classifier, data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(SentimentWorker, num=2, max_batch_size=16, max_wait_time=1, route="/predict")
    server.run()
