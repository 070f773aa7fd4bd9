"""Concurrent requests share model calls.

A call of the network costs about the same for one review as for sixteen, so what arrives while one is running forms the
next batch. Nothing waits when the model is idle: the first request goes at once. A large request is scored in parts, in
turn with others, so that it delays nobody by more than a part.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app.inference.classifier import BATCH, Classifier, Prediction
from app.inference.errors import Overloaded

SHARE = BATCH // 4
"""Reviews of one request in a batch, while others wait too."""

BATCH_CHARACTERS = 60_000
"""Characters a batch at most, one review excepted; some 5 ms of tokenising."""


@dataclass(eq=False)
class _Request:
    """A caller's reviews; `predictions` holds those of the first ones, as far as work has gone."""

    reviews: Sequence[str]
    answer: asyncio.Future[list[Prediction]]
    predictions: list[Prediction] = field(default_factory=list)

    def part(self, most: int, characters: int) -> Sequence[str]:
        """The next reviews to score: at least one, then as many as fit."""
        start = end = len(self.predictions)
        while end < len(self.reviews) and end - start < most:
            characters -= len(self.reviews[end])
            if characters < 0 and end > start:
                break
            end += 1
        return self.reviews[start:end]


class Scorer:
    """Scores reviews for many callers on one event loop.

    Where a call of the runtime is long, work goes to a thread of its own; where it is shorter than the way there and
    back, it is done on the loop, one batch at a time.

    Args:
        classifier: Called by one thread at a time.
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

        Cancelling the call drops those of its reviews that are not in work yet.

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
        try:
            while batch := self._next_batch():
                reviews = [review for _, part in batch for review in part]
                try:
                    predictions = await self._predict(reviews)
                except Exception as error:
                    # Its callers learn of it; the rest of the queue is tried anew.
                    for request, _ in batch:
                        if not request.answer.done():
                            request.answer.set_exception(error)
                    continue
                start = 0
                for request, part in batch:
                    request.predictions += predictions[start : start + len(part)]
                    start += len(part)
                    if len(request.predictions) == len(request.reviews) and not request.answer.done():
                        request.answer.set_result(request.predictions)
        finally:
            self._running = None

    async def _predict(self, reviews: list[str]) -> list[Prediction]:
        if self._classifier.runtime.off_loop:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._classifier.predict, reviews)
        predictions = self._classifier.predict(reviews)
        await asyncio.sleep(0)  # let others run before the next batch
        return predictions

    def _next_batch(self) -> list[tuple[_Request, Sequence[str]]]:
        """Take parts of requests in order of arrival until the batch is full; those with more left queue up again."""
        batch: list[tuple[_Request, Sequence[str]]] = []
        unfinished: list[_Request] = []
        size = characters = 0
        while self._queue and size < BATCH and characters < BATCH_CHARACTERS:
            request = self._queue.popleft()
            if request.answer.done():  # its caller is gone, or was told of a failure
                continue
            room = min(SHARE, BATCH - size) if self._queue or batch else BATCH
            part = request.part(room, BATCH_CHARACTERS - characters)
            batch.append((request, part))
            size += len(part)
            characters += sum(map(len, part))
            if len(request.predictions) + len(part) < len(request.reviews):
                unfinished.append(request)
        self._queue.extend(unfinished)
        return batch

    def close(self) -> None:
        """Let the thread end after the call that is running."""
        self._thread.shutdown(wait=False, cancel_futures=True)
