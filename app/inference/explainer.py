"""The explainer: explanations have their own limits, and take short turns with predictions on the event loop."""

import asyncio
from collections.abc import Sequence

from app.inference.classifier import Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explanation import Explanation, Occlusion
from app.inference.prediction import Prediction

CHUNK = 64
"""Rows per call to the network; predictions are scored between two calls."""


class Explainer:
    """Explains the reviews of many callers on one event loop.

    An explanation takes one row for each column of a known term, thousands for the longest reviews. The rows go
    directly to the classifier, never into the prediction queue. Only one explanation runs at a time, for one chunk;
    then the event loop, and with it the batcher, gets a turn.

    Args:
        max_requests: Maximum number of requests in progress.
        max_rows: Maximum number of rows in progress, unless there is only one review.
        deadline: Maximum seconds per request.

    Attributes:
        requests: Requests in progress.
    """

    def __init__(self, max_requests: int, max_rows: int, deadline: float) -> None:
        self._max_requests = max_requests
        self._max_rows = max_rows
        self._deadline = deadline
        self.requests = 0
        self._rows = 0
        self._turn = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether to reject new requests."""
        return self.requests >= self._max_requests

    def overloaded(self) -> Overloaded:
        """Create the error for a request that cannot be admitted."""
        return Overloaded(f"the limit of {self._max_requests} explanation requests in progress was reached")

    async def explain(self, classifier: Classifier, reviews: Sequence[str]) -> list[Explanation]:
        """Explain reviews, one after another.

        Cancelling the call drops the rows that have not been scored yet.

        Args:
            classifier: Makes the predictions to explain.
            reviews: Raw texts; may be empty.

        Returns:
            One explanation per review, in the same order.

        Raises:
            DeadlineExceeded: The explanations took longer than the deadline.
            Overloaded: Too many requests or rows are in progress.
            InferenceError: The runtime returned something that is not a probability.
        """
        if self.full:
            raise self.overloaded()
        self.requests += 1
        try:
            async with asyncio.timeout(self._deadline):
                return [await self._explain(classifier, review) for review in reviews]
        except TimeoutError:
            raise DeadlineExceeded(self._deadline) from None
        finally:
            self.requests -= 1

    async def _explain(self, classifier: Classifier, review: str) -> Explanation:
        async with self._turn:  # in a thread, because it takes tens of milliseconds for the longest reviews
            occlusion = await asyncio.to_thread(Occlusion, classifier.vocabulary, review)
        if self._rows and self._rows + len(occlusion) > self._max_rows:
            raise Overloaded(f"the limit of {self._max_rows} rows of explanations in progress was reached")
        self._rows += len(occlusion)
        try:
            predictions: list[Prediction] = []
            for rows in occlusion.chunks(CHUNK):
                async with self._turn:
                    predictions += classifier.predict_rows(rows)
                    await asyncio.sleep(0)  # yield to the event loop
            return occlusion.explanation(predictions)
        finally:
            self._rows -= len(occlusion)
