"""LitServe: FastAPI processes that pass requests through queues to processes that score them in batches.

LitServe recommends as many workers as cores, and ZeroMQ (`fast_queue`) above 100 requests/s
(https://lightning.ai/docs/litserve/api-reference/litserver), and trying batch sizes and timeouts
(https://lightning.ai/docs/litserve/features/batching). Most of the work is in HTTP and queues, so two HTTP processes
and one worker with full batches were the fastest combination on two cores.
"""

import os
import signal
from types import FrameType
from typing import Any

import litserve

from benchmarks.peers.common import HOST, PORT, open_newest_classifier, respond

Batch = list[dict[str, Any]]


class SentimentAPI(litserve.LitAPI):  # type: ignore[misc] # LitServe is not installed where types are checked
    """Scores batches."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe prescribes it
        """Load the model, in the worker."""
        self._classifier = open_newest_classifier()

    def batch(self, inputs: Batch) -> Batch:
        """Keep requests apart; they may have any number of reviews."""
        return inputs

    def predict(self, x: Batch) -> Batch:
        """Score a batch."""
        return respond(self._classifier, x)

    def unbatch(self, output: Batch) -> Batch:
        """Keep responses apart."""
        return output


def main() -> None:
    """Serve until SIGTERM, which LitServe does not pass on to its processes."""
    main_process = os.getpid()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if os.getpid() == main_process:  # forked processes inherit this handler
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    api = SentimentAPI(max_batch_size=32, batch_timeout=0.01, api_path="/predict")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host=HOST, port=PORT, num_api_servers=2, log_level="warning", generate_client_file=False, access_log=False
    )


if __name__ == "__main__":
    main()
