"""LitServe: FastAPI processes that hand requests through queues to processes that score them in batches.

LitServe advises as many workers as cores, and ZeroMQ (`fast_queue`) above 100 requests/s
(https://lightning.ai/docs/litserve/api-reference/litserver), and to try batch sizes and timeouts
(https://lightning.ai/docs/litserve/features/batching). Most work is in HTTP and queues, so that two HTTP processes and
one worker that fills its batches did best of what was tried on two cores.
"""

import os
import signal
from types import FrameType

import litserve

from benchmarks.peers.common import HOST, RequestJson, ResponseJson, answer, open_newest_classifier, port


class SentimentAPI(litserve.LitAPI):  # type: ignore[misc] # LitServe is not installed where types are checked
    """Scores batches."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe prescribes it
        """Load the model, in the worker."""
        self._classifier = open_newest_classifier()

    def batch(self, inputs: list[RequestJson]) -> list[RequestJson]:
        """Keep requests apart; they may hold any number of reviews."""
        return inputs

    def predict(self, x: list[RequestJson]) -> list[ResponseJson]:
        """Score a batch."""
        return answer(self._classifier, x)

    def unbatch(self, output: list[ResponseJson]) -> list[ResponseJson]:
        """Keep responses apart."""
        return output


def main() -> None:
    """Serve until SIGTERM, which LitServe itself would not pass on to its processes."""
    me = os.getpid()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if os.getpid() == me:  # forked processes inherit this
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    api = SentimentAPI(max_batch_size=32, batch_timeout=0.01, api_path="/predict")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host=HOST,
        port=port(),
        num_api_servers=2,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
