"""mosec: a Rust HTTP front end that forms dynamic batches, and Python processes that score them.

Two worker processes, one a core; batches of at most 16 requests that wait 1 ms at most. mosec's advice is to measure
for the best `max_batch_size` and `max_wait_time`, the latter below the time of a call, and to choose the serialisation
(https://github.com/mosecorg/mosec#performance-tuning). At 32 connections 16 was best: two workers share what is under
way. JSON by msgspec, which mosec installs.
"""

import os
from typing import Any

import msgspec

from benchmarks.peers.common import HOST, RequestJson, ResponseJson, answer, open_newest_classifier, port

os.environ |= {"MOSEC_ADDRESS": HOST, "MOSEC_PORT": str(port()), "MOSEC_LOG_LEVEL": "error"}

from mosec import Server, Worker


class SentimentWorker(Worker):  # type: ignore[misc] # mosec is not installed where types are checked
    """Scores batches; each process has one."""

    def __init__(self) -> None:
        super().__init__()
        self._classifier = open_newest_classifier()

    def deserialize(self, data: bytes) -> Any:
        """Parse a body."""
        return msgspec.json.decode(data)

    def serialize(self, data: ResponseJson) -> bytes:
        """Write a body."""
        body: bytes = msgspec.json.encode(data)
        return body

    def forward(self, data: list[RequestJson]) -> list[ResponseJson]:
        """Score a batch."""
        return answer(self._classifier, data)


if __name__ == "__main__":
    server = Server()
    server.append_worker(SentimentWorker, num=2, max_batch_size=16, max_wait_time=1, route="/predict")
    server.run()
