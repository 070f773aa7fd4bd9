"""Fixtures: both clients, with the same methods."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from review_sentiment_client import AsyncSentimentClient, Explanation, ModelResponse, Prediction, SentimentClient


class AwaitedClient:
    """The client for asyncio, with blocking methods."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncSentimentClient(*arguments, **options)

    def predict(self, *arguments: Any, **options: Any) -> list[Prediction]:
        return self._runner.run(self._client.predict(*arguments, **options))

    def explain(self, *arguments: Any, **options: Any) -> list[Explanation]:
        return self._runner.run(self._client.explain(*arguments, **options))

    def model(self, *arguments: Any, **options: Any) -> ModelResponse:
        return self._runner.run(self._client.model(*arguments, **options))

    def __enter__(self) -> "AwaitedClient":
        self._runner.run(self._client.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self._runner.run(self._client.__aexit__(*error))
        self._runner.close()


Connect = Callable[..., SentimentClient | AwaitedClient]


@pytest.fixture(params=[SentimentClient, AwaitedClient])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Creates a client, with the arguments of `SentimentClient`."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(request.param(*arguments, **options))
