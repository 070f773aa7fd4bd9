"""The clients: one that blocks, and one for asyncio."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from review_sentiment_client.background import Background
from review_sentiment_client.calls import Calls
from review_sentiment_client.models import Explanation, ModelResponse, Prediction

TIMEOUT = 30.0
"""Seconds; longer than the service's own deadline, 10 s, so that its error arrives and there is time for retries."""
MAX_TRIES = 10


class SentimentClient:
    """A client that keeps connections open; threads may share it. After a fork, create another one.

    Args:
        url: Of the service, for example `http://127.0.0.1:8000`.
        api_key: If the service requires one.
        timeout: For a whole call, in seconds: for all requests of a long list, their retries and the waits between
            them. None disables it.
        max_tries: Maximum number of times that a request is sent if connections fail or the status is 503 or 429; 1
            disables retries. Other errors are never retried.

    Raises:
        NoResponse: The URL or the API key is invalid.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float | None = TIMEOUT,
        max_tries: int = MAX_TRIES,
    ) -> None:
        self._calls = Calls(url, api_key, timeout, max_tries)
        self._background = Background(self._calls.close)

    def predict(self, reviews: Sequence[str], version: str | None = None) -> list[Prediction]:
        """Estimate how likely each review is to be positive.

        Args:
            reviews: Raw texts, any number; long lists are sent in several requests, one after the other.
            version: The version of the model; the service's default if None.

        Returns:
            One prediction per review, in the same order.

        Raises:
            ServiceError: The service, or a proxy in front of it, returned an error or an invalid response.
            NoResponse: The request could not be sent, the connection failed, or the call took too long.
            TypeError: The reviews are not a list of texts.
        """
        return self._background.run(self._calls.predict(reviews, version))

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
            TypeError: See `predict`.
        """
        return self._background.run(self._calls.explain(reviews, top, version))

    def model(self, version: str | None = None) -> ModelResponse:
        """Describe the served model: its versions, its metrics and the limits of the service.

        Raises:
            ServiceError: See `predict`.
            NoResponse: See `predict`.
        """
        return self._background.run(self._calls.model(version))

    def close(self) -> None:
        """Close the connections."""
        self._background.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncSentimentClient:
    """The same as `SentimentClient` for asyncio; see there. One event loop may use it, for any number of tasks."""

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout: float | None = TIMEOUT,
        max_tries: int = MAX_TRIES,
    ) -> None:
        self._calls = Calls(url, api_key, timeout, max_tries)

    async def predict(self, reviews: Sequence[str], version: str | None = None) -> list[Prediction]:
        """See `SentimentClient.predict`."""
        return await self._calls.predict(reviews, version)

    async def explain(
        self, reviews: Sequence[str], top: int | None = None, version: str | None = None
    ) -> list[Explanation]:
        """See `SentimentClient.explain`."""
        return await self._calls.explain(reviews, top, version)

    async def model(self, version: str | None = None) -> ModelResponse:
        """See `SentimentClient.model`."""
        return await self._calls.model(version)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
