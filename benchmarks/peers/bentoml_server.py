"""BentoML: processes that each serve HTTP and form adaptive batches.

Two workers, one a core (https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html), adaptive
batching (https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html) with BentoML's own size of 100 and a
`max_latency_ms` that sheds nothing, metrics off. uvicorn runs on uvloop and httptools, which BentoML does not install.
Its throughput varied by a factor of two within one set-up, and smaller latency limits refused requests; there may be a
better set-up. A batched method must return a list, so a middleware of a few lines puts it into the object that all
peers answer with.
"""

import os
import runpy
import sys
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import bentoml

from benchmarks.peers.common import HOST, PredictionJson, answer, open_newest_classifier, port

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OPENING, CLOSING = b'{"predictions":', b"}"


class InObject:
    """ASGI middleware: `[…]` becomes `{"predictions": […]}` where POST /predict succeeds."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["path"] != "/predict":
            await self._app(scope, receive, send)
            return
        opening, closing = b"", b""  # what is still to be written

        async def wrapped(message: Message) -> None:
            nonlocal opening, closing
            if message["type"] == "http.response.start" and message["status"] == 200:
                opening, closing = OPENING, CLOSING
                added = len(OPENING) + len(CLOSING)
                message["headers"] = [
                    (name, str(int(value) + added).encode() if name.lower() == b"content-length" else value)
                    for name, value in message["headers"]
                ]
            elif message["type"] == "http.response.body":
                last = not message.get("more_body", False)
                message["body"] = opening + message.get("body", b"") + (closing if last else b"")
                opening = b""
            await send(message)

        await self._app(scope, receive, wrapped)


@bentoml.service(workers=2, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Sentiment:
    """Scores batches; each worker has one."""

    def __init__(self) -> None:
        self._classifier = open_newest_classifier()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=100, max_latency_ms=60_000)  # type: ignore[untyped-decorator]
    def predict(self, reviews: list[str]) -> list[dict[str, Any]]:
        """Score the reviews of a batch, which BentoML has put together."""
        predictions: list[PredictionJson] = answer(self._classifier, [{"reviews": reviews}])[0]["predictions"]
        return [dict(prediction) for prediction in predictions]


Sentiment.add_asgi_middleware(InObject)  # type: ignore[attr-defined] # what the decorator makes of it


def main() -> None:
    """Be `bentoml serve`, with a folder for its files that vanishes afterwards."""
    # Its supervisor gives each worker a session of its own; the benchmark counts, and at the end kills, one session.
    os.setsid = lambda: None
    with tempfile.TemporaryDirectory(prefix="bentoml-") as home:
        os.environ |= {"BENTOML_HOME": home, "BENTOML_DO_NOT_TRACK": "True"}
        service = f"{__spec__.name}:Sentiment"
        sys.argv = ["bentoml", "serve", service, "--host", HOST, "--port", str(port()), "--quiet"]
        runpy.run_module("bentoml", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
