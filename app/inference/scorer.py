"""Concurrent requests share model calls.

A network call costs about the same for one review as for sixteen, so requests that arrive while a call is running form
the next batch. Nothing waits when the model is idle: the first request goes at once.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.inference.classifier import Classifier, Prediction
from app.inference.errors import Overloaded
from app.inference.runtimes import BATCH_SIZES


@dataclass(eq=False)
class _Request:
    reviews: Sequence[str]
    answer: asyncio.Future[list[Prediction]]


class Scorer:
    """Scores reviews for many callers on one event loop, off that loop, in one thread of its own.

    Args:
        classifier: Called by that thread alone.
        max_waiting: Reviews that may wait or be in work at a time.
    """

    def __init__(self, classifier: Classifier, max_waiting: int) -> None:
        self._classifier = classifier
        self._max_waiting = max_waiting
        self._queue: deque[_Request] = deque()
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self.waiting = 0

    async def predict(self, reviews: Sequence[str]) -> list[Prediction]:
        """Estimate how likely each review is to be positive; see `Classifier.predict`.

        Cancelling the call drops its reviews if they are not in work yet.

        Raises:
            Overloaded: More than `max_waiting` reviews would wait. Nothing was queued.
            InferenceError: The runtime's answer was unusable.
        """
        if self.waiting + len(reviews) > self._max_waiting:
            raise Overloaded(len(reviews), self.waiting, self._max_waiting)
        request = _Request(reviews, asyncio.get_running_loop().create_future())
        self.waiting += len(reviews)
        self._queue.append(request)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            return await request.answer
        finally:
            self.waiting -= len(reviews)

    async def _run(self) -> None:
        """Work until the queue is empty."""
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                reviews = [review for request in batch for review in request.reviews]
                try:
                    predictions = await loop.run_in_executor(self._thread, self._classifier.predict, reviews)
                except Exception as error:
                    # Every waiting caller learns of it; the next batch is tried anew.
                    for request in batch:
                        if not request.answer.done():
                            request.answer.set_exception(error)
                    continue
                start = 0
                for request in batch:
                    end = start + len(request.reviews)
                    if not request.answer.done():
                        request.answer.set_result(predictions[start:end])
                    start = end
        finally:
            self._running = None

    def _next_batch(self) -> list[_Request]:
        """Take whole requests in order of arrival until the largest batch is full."""
        batch: list[_Request] = []
        size = 0
        while self._queue and size < BATCH_SIZES[-1]:
            request = self._queue.popleft()
            if not request.answer.done():  # its caller is gone
                batch.append(request)
                size += len(request.reviews)
        return batch

    def close(self) -> None:
        """Let the thread end after the call that is running."""
        self._thread.shutdown(wait=False, cancel_futures=True)
