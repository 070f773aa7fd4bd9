"""What both clients do, without input or output.

A call is a generator. It yields requests to send and pauses to wait for, receives what came of each request, and
returns the result. The clients only send and sleep, each in its own way.
"""

import logging
import time
from collections.abc import Generator, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

import httpx

from review_sentiment_client.batches import split
from review_sentiment_client.errors import NoResponse
from review_sentiment_client.models import (
    ExplainResponse,
    Explanation,
    Limits,
    ModelResponse,
    Prediction,
    PredictResponse,
)
from review_sentiment_client.responses import read
from review_sentiment_client.retries import Outcome, Retries

T = TypeVar("T")

log = logging.getLogger(__name__)


class Request(NamedTuple):
    """A request to send.

    Attributes:
        method: The HTTP method.
        path: Relative to the URL of the service.
        version: The version of the model; the default one if None.
        body: JSON, if any.
    """

    method: str
    path: str
    version: str | None
    body: bytes | None = None


class Pause(NamedTuple):
    """A time to wait, in seconds."""

    seconds: float


Call: TypeAlias = Generator[Request | Pause, Outcome | None, T]


class Calls:
    """The calls of one client.

    Args:
        retries: When to repeat requests.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries
        self._limits: Limits | None = None

    def model(self, version: str | None) -> Call[ModelResponse]:
        """Describe the served model."""
        response = yield from self._answer(Request("GET", "/model", version))
        return read(ModelResponse, response)

    def predict(self, reviews: Sequence[str], version: str | None) -> Call[list[Prediction]]:
        """Score reviews."""
        limits = yield from self._current_limits()
        predictions: list[Prediction] = []
        for first, body in split(reviews, limits.max_reviews, limits.max_body_bytes):
            response = yield from self._answer(Request("POST", "/predict", version, body))
            predictions += read(PredictResponse, response, first).predictions
        return predictions

    def explain(self, reviews: Sequence[str], top: int | None, version: str | None) -> Call[list[Explanation]]:
        """Explain reviews."""
        limits = yield from self._current_limits()
        explanations: list[Explanation] = []
        for first, body in split(reviews, limits.max_explained, limits.max_body_bytes, top):
            response = yield from self._answer(Request("POST", "/explain", version, body))
            explanations += read(ExplainResponse, response, first).explanations
        return explanations

    def _current_limits(self) -> Call[Limits]:
        if self._limits is None:
            self._limits = (yield from self.model(None)).limits
        return self._limits

    def _answer(self, request: Request) -> Call[httpx.Response]:
        started, tries = time.monotonic(), 0
        while True:
            outcome = yield request
            assert outcome is not None
            tries += 1
            seconds = self._retries.wait(outcome, tries, time.monotonic() - started)
            if seconds is None:
                break
            if isinstance(outcome, httpx.RequestError):
                log.warning("%s; trying again in %.1f s", _failure(outcome, tries), seconds)
            yield Pause(seconds)
        if isinstance(outcome, httpx.RequestError):
            raise NoResponse(f"{_failure(outcome, tries)}. Is the service running there?") from outcome
        return outcome


def _failure(error: httpx.RequestError, tries: int) -> str:
    reason = str(error) or type(error).__name__
    count = "1 try" if tries == 1 else f"{tries} tries"
    return f"no response to {error.request.method} {error.request.url} after {count}: {reason}"
