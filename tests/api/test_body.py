"""Bodies that expand to gigabytes, and the timeout where real clients cannot time what happens.

`tests.process.test_connections` has the rest of the timeout, and `tests.api.test_bad_input` other bodies.
"""

import asyncio
import gzip
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from starlette.types import Message

from app.main import create_app
from app.settings import Settings
from tests.memory import taking_at_most
from tests.servers import Server


def test_gzip_bomb_is_rejected_in_little_memory(server: Server) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert httpx.post(f"{server.url}/predict", json={"reviews": ["a"]}).status_code == 200
    bomb = gzip.compress(b" " * 100_000_000, 1)
    with taking_at_most(30_000_000, server):
        response = httpx.post(f"{server.url}/predict", content=bomb, headers=headers)
    assert (response.status_code, response.json()["limit"]) == (413, 2_000_000)


def test_body_that_times_out_just_when_the_server_stops_is_answered_503(models: Path) -> None:
    """Not 408, as the client did nothing wrong; uvicorn cancels requests after the shutdown timeout."""
    sent: list[Message] = []

    async def exchange() -> None:
        task = asyncio.current_task()
        assert task is not None

        async def receive() -> Message:
            try:
                await asyncio.Event().wait()
            finally:  # the timeout has cancelled the request
                task.cancel()
            return {}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/predict", "query_string": b""}
        scope["headers"] = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        app = create_app(Settings(model_dir=models, runtime="numpy", request_timeout=0.01))
        async with app.router.lifespan_context(app) as state:
            with suppress(asyncio.CancelledError):
                await app({**scope, "state": state}, receive, send)

    with suppress(asyncio.CancelledError):
        asyncio.run(exchange())
    assert sent[0]["status"] == 503
