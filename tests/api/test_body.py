"""The timeout of a body, where real clients cannot time what happens; `tests.process.test_connections` has the rest."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.types import Message

from app.main import create_app
from app.settings import Settings


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
        app = create_app(Settings(model_dir=models, runtime="litert", request_timeout=0.01))
        async with app.router.lifespan_context(app) as state:
            with suppress(asyncio.CancelledError):
                await app({**scope, "state": state}, receive, send)

    with suppress(asyncio.CancelledError):
        asyncio.run(exchange())
    assert sent[0]["status"] == 503
