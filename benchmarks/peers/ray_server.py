"""Ray Serve: a replica that serves HTTP and forms batches, with the processes of a Ray cluster around it.

`RAY_SERVE_THROUGHPUT_OPTIMIZED` and `max_ongoing_requests` as its guide recommends
(https://docs.ray.io/en/latest/serve/advanced-guides/performance.html), with `serve.batch`
(https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html). In the optimised mode replicas serve HTTP
themselves, behind an HAProxy that spreads the load. Here the load goes straight to a single replica; through Ray's
Python proxy it was several times slower. Ray's internal ports are open to the network while it runs, protected by a
token.
"""

import os
import secrets
import signal
import socket
import tempfile
import threading
from typing import Any

from benchmarks.peers.common import HOST, PORT, open_newest_classifier, respond

# Ray reads these when it is imported, and passes them on to its processes.
os.environ |= {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(PORT),
    "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(PORT + 1),
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.1",  # the default is 30 s
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
}
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # otherwise Ray leaves one in the home folder

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

QUIET = {"enable_access_log": False, "log_level": "WARNING"}


@serve.deployment(max_ongoing_requests=1000, ray_actor_options={"num_cpus": 1}, logging_config=QUIET)
class Sentiment:
    """Scores batches; the replica."""

    def __init__(self) -> None:
        self._classifier = open_newest_classifier()

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.001)  # type: ignore[untyped-decorator]
    async def predict(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Score a batch."""
        return respond(self._classifier, requests)

    async def __call__(self, request: Request) -> JSONResponse:
        """Serve a request."""
        return JSONResponse(await self.predict(await request.json()))


def main() -> None:
    """Serve until SIGTERM."""
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, socket.create_server((HOST, 0)) as free:
        unused = free.getsockname()[1]
        free.close()
        ray.init(
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100_000_000,  # bytes; nothing goes through it
            log_to_driver=False,
            configure_logging=False,
            _node_ip_address=HOST,
            _temp_dir=folder,
        )
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        serve.start(http_options={"host": HOST, "port": unused}, logging_config=QUIET)
        serve.run(Sentiment.bind(), route_prefix="/predict")  # type: ignore[attr-defined] # what the decorator makes of it
        stop.wait()
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
