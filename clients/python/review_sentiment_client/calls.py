"""The calls of a client: requests within one deadline, repeated if that may help."""

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import httpx

from review_sentiment_client.batches import Batch, split
from review_sentiment_client.errors import NoResponse
from review_sentiment_client.models import (
    ExplainResponse,
    Explanation,
    Limits,
    ModelResponse,
    Prediction,
    PredictResponse,
)
from review_sentiment_client.responses import Response, read, receive, unexpected
from review_sentiment_client.retries import Outcome, backoff

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""Limit of a response; those to reviews may have more."""
BYTES_PER_PREDICTION = 1000
"""Added to the limit for each review. The service sends 110 to 150."""
BYTES_PER_EXPLAINED_BYTE = 100
"""Added to the limit for each byte of the request. The service sends about 40 for short sentences of known words."""

FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, OverflowError)
"""What httpx, and what it is made of, raises for addresses and servers of any kind."""

log = logging.getLogger(__name__)


class Request(NamedTuple):
    """A request to send.

    Attributes:
        method: The HTTP method.
        path: Relative to the URL of the service.
        version: The version of the model; the default one if None.
        body: JSON, if any.
        max_bytes: Limit of the response's body.
    """

    method: str
    path: str
    version: str | None
    body: bytes | None = None
    max_bytes: int = MAX_BYTES


class Calls:
    """The calls of one client; see there.

    Raises:
        NoResponse: The URL or the API key is invalid.
    """

    def __init__(self, url: str, api_key: str | None, timeout: float | None, max_tries: int) -> None:
        # Responses are small, and a compressed one of a few kilobytes could expand to gigabytes.
        headers = {"Accept-Encoding": "identity"}
        if api_key is not None:
            if not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key != ""):
                raise NoResponse("The API key must be printable ASCII. Remove line breaks and spaces around it.")
            headers["Authorization"] = f"Bearer {api_key}"
        try:
            self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)
        except FAILURES as error:
            raise NoResponse(f"The URL is invalid: {error}. Correct it.") from error
        self._url = str(self._http.base_url).rstrip("/")
        self._timeout = timeout
        self._max_tries = max_tries
        self._limits: Limits | None = None

    async def model(self, version: str | None) -> ModelResponse:
        """Describe the served model."""
        return await self._model(version, self._deadline())

    async def predict(self, reviews: Sequence[str], version: str | None) -> list[Prediction]:
        """Score reviews."""
        deadline = self._deadline()
        limits = await self._current_limits(deadline)
        predictions: list[Prediction] = []
        for batch in split(reviews, limits.max_reviews, limits.max_body_bytes):
            max_bytes = MAX_BYTES + BYTES_PER_PREDICTION * batch.reviews
            response = await self._answer(Request("POST", "/predict", version, batch.body, max_bytes), deadline)
            predictions += _complete(read(PredictResponse, response, batch.first).predictions, batch, response)
        return predictions

    async def explain(self, reviews: Sequence[str], top: int | None, version: str | None) -> list[Explanation]:
        """Explain reviews."""
        deadline = self._deadline()
        limits = await self._current_limits(deadline)
        explanations: list[Explanation] = []
        for batch in split(reviews, limits.max_explained, limits.max_body_bytes, top):
            max_bytes = MAX_BYTES + BYTES_PER_EXPLAINED_BYTE * len(batch.body)
            response = await self._answer(Request("POST", "/explain", version, batch.body, max_bytes), deadline)
            explanations += _complete(read(ExplainResponse, response, batch.first).explanations, batch, response)
        return explanations

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _deadline(self) -> float:
        """By the clock of the event loop."""
        return math.inf if self._timeout is None else asyncio.get_running_loop().time() + self._timeout

    async def _model(self, version: str | None, deadline: float) -> ModelResponse:
        return read(ModelResponse, await self._answer(Request("GET", "/model", version), deadline))

    async def _current_limits(self, deadline: float) -> Limits:
        if self._limits is None:
            self._limits = (await self._model(None, deadline)).limits
        return self._limits

    async def _answer(self, request: Request, deadline: float) -> Response:
        tries = 0
        while True:
            outcome = await self._outcome(request, deadline)
            tries += 1
            seconds = backoff(outcome, tries) if tries < self._max_tries else None
            if seconds is None or asyncio.get_running_loop().time() + seconds > deadline:
                break
            if isinstance(outcome, Exception):
                log.warning("%s; trying again in %.1f s", self._failure(request, outcome, tries), seconds)
            await asyncio.sleep(seconds)
        if isinstance(outcome, Exception):
            raise NoResponse(f"{self._failure(request, outcome, tries)}. Is the service running there?") from outcome
        return outcome

    async def _outcome(self, request: Request, deadline: float) -> Outcome:
        try:
            async with (
                asyncio.timeout_at(deadline),
                self._http.stream(
                    request.method,
                    request.path,
                    params={} if request.version is None else {"version": request.version},
                    content=request.body,
                    headers={} if request.body is None else {"Content-Type": "application/json"},
                ) as response,
            ):
                return await receive(response, request.max_bytes)
        except TimeoutError:
            return TimeoutError(
                f"the call took longer than its timeout of {self._timeout} s, which long lists may need"
            )
        except FAILURES as error:
            return error

    def _failure(self, request: Request, error: Exception, tries: int) -> str:
        reason = str(error) or type(error).__name__
        count = "1 try" if tries == 1 else f"{tries} tries"
        return f"no response to {request.method} {self._url}{request.path} after {count}: {reason}"


def _complete(results: list[T], batch: Batch, response: Response) -> list[T]:
    """Check that there is one result per review.

    Raises:
        ServiceError: There is not.
    """
    if len(results) != batch.reviews:
        detail = f"{response.url} returned {len(results)} results for {batch.reviews} reviews. Is it the service?"
        raise unexpected(response, detail, batch.first)
    return results
