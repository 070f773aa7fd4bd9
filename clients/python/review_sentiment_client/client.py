"""The clients: one that blocks, and one for asyncio."""

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TypedDict, TypeVar

import httpx

from review_sentiment_client.calls import Call, Calls, Pause, Request
from review_sentiment_client.models import Explanation, ModelResponse, Prediction
from review_sentiment_client.retries import Outcome, Retries

T = TypeVar("T")

TIMEOUT = 15.0
"""Seconds; a little longer than the service's own deadline, 10 s, so that its error arrives."""
MAX_TRIES = 10
MAX_SECONDS = 30.0


class SentimentClient:
    """A client that keeps connections open; threads may share it.

    Args:
        url: Of the service, for example `http://127.0.0.1:8000`.
        api_key: If the service requires one.
        timeout: For connecting and for each response, in seconds.
        max_tries: Maximum number of times that a request is sent if connections fail or the service is unavailable
            (503); 1 disables retries. Other errors are never retried.
        max_seconds: No retry starts later than this many seconds after the first try of the same request.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        max_tries: int = MAX_TRIES,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._calls = Calls(Retries(max_tries, max_seconds))
        self._http = httpx.Client(base_url=url, headers=_headers(api_key), timeout=timeout)

    def predict(self, reviews: Sequence[str], version: str | None = None) -> list[Prediction]:
        """Estimate how likely each review is to be positive.

        Args:
            reviews: Raw texts, any number; long lists are sent in several requests, one after the other.
            version: The version of the model; the service's default if None.

        Returns:
            One prediction per review, in the same order.

        Raises:
            ServiceError: The service, or a proxy in front of it, returned an error.
            NoResponse: The connection failed, or no response arrived in time.
        """
        return self._run(self._calls.predict(reviews, version))

    def explain(self, reviews: Sequence[str], top: int | None = None, version: str | None = None) -> list[Explanation]:
        """Show what the prediction for each review is based on.

        Args:
            reviews: See `predict`.
            top: Maximum number of effects per review, largest first; all if None.
            version: See `predict`.

        Returns:
            One explanation per review, in the same order.

        Raises:
            ServiceError: See `predict`.
            NoResponse: See `predict`.
        """
        return self._run(self._calls.explain(reviews, top, version))

    def model(self, version: str | None = None) -> ModelResponse:
        """Describe the served model: its versions, its metrics and the limits of the service.

        Raises:
            ServiceError: See `predict`.
            NoResponse: See `predict`.
        """
        return self._run(self._calls.model(version))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        outcome = None
        while True:
            try:
                step = call.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                outcome = None
            else:
                outcome = self._send(step)

    def _send(self, request: Request) -> Outcome:
        try:
            return self._http.request(**_arguments(request))
        except httpx.RequestError as error:
            return error


class AsyncSentimentClient:
    """The same as `SentimentClient` for asyncio; see there. One event loop may use it, for any number of tasks."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        max_tries: int = MAX_TRIES,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        self._calls = Calls(Retries(max_tries, max_seconds))
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(api_key), timeout=timeout)

    async def predict(self, reviews: Sequence[str], version: str | None = None) -> list[Prediction]:
        """See `SentimentClient.predict`."""
        return await self._run(self._calls.predict(reviews, version))

    async def explain(
        self, reviews: Sequence[str], top: int | None = None, version: str | None = None
    ) -> list[Explanation]:
        """See `SentimentClient.explain`."""
        return await self._run(self._calls.explain(reviews, top, version))

    async def model(self, version: str | None = None) -> ModelResponse:
        """See `SentimentClient.model`."""
        return await self._run(self._calls.model(version))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _run(self, call: Call[T]) -> T:
        outcome = None
        while True:
            try:
                step = call.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                outcome = None
            else:
                outcome = await self._send(step)

    async def _send(self, request: Request) -> Outcome:
        try:
            return await self._http.request(**_arguments(request))
        except httpx.RequestError as error:
            return error


class _Arguments(TypedDict):
    method: str
    url: str
    params: dict[str, str]
    content: bytes | None
    headers: dict[str, str]


def _headers(api_key: str | None) -> dict[str, str]:
    return {} if api_key is None else {"Authorization": f"Bearer {api_key}"}


def _arguments(request: Request) -> _Arguments:
    """Of `request` of both clients of httpx."""
    return {
        "method": request.method,
        "url": request.path,
        "params": {} if request.version is None else {"version": request.version},
        "content": request.body,
        "headers": {} if request.body is None else {"Content-Type": "application/json"},
    }
