"""BentoML: processes that each serve HTTP and form adaptive batches.

Two workers, one per core (https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html), adaptive
batching (https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html) with BentoML's default batch size of
100 and a `max_latency_ms` that rejects nothing, and metrics off. uvicorn runs on uvloop and httptools, which BentoML
does not install. Throughput varied by a factor of two between runs of this configuration, and lower latency limits
rejected requests; there may be a better configuration. A batched method must return a list, so the response is a list
instead of an object.
"""

import os
import runpy
import sys
import tempfile
from typing import Any

import bentoml

from benchmarks.peers.common import HOST, PORT, open_newest_classifier, respond


@bentoml.service(workers=2, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Sentiment:
    """Scores batches; each worker has one."""

    def __init__(self) -> None:
        self._classifier = open_newest_classifier()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=100, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def predict(self, reviews: list[str]) -> list[dict[str, Any]]:
        """Score the reviews of a batch."""
        predictions: list[dict[str, Any]] = respond(self._classifier, [{"reviews": reviews}])[0]["predictions"]
        return predictions


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bentoml-") as home:
        os.environ |= {"BENTOML_HOME": home, "BENTOML_DO_NOT_TRACK": "True"}
        service = f"{__spec__.name}:Sentiment"
        sys.argv = ["bentoml", "serve", service, "--host", HOST, "--port", str(PORT), "--quiet"]
        runpy.run_module("bentoml", run_name="__main__", alter_sys=True)
