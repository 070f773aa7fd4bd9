"""Batching: concurrent requests share calls to the network.

Texts that arrive while a batch is being scored form the next batch, and nothing waits while the model is idle. A large
request is scored in parts, taking turns with others, so that it delays them by at most one part.

Texts are encoded here, a whole batch at once, because an array operation costs about as much for one review as for
many.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

from ..model.classifier import Classifier
from ..model.errors import DeadlineExceeded
from ..model.prediction import Prediction
from ..model.runtimes import BATCH
from .admission import Admission

MAX_PART_REVIEWS = BATCH // 4
"""Maximum reviews of one request per batch while other requests wait."""

BATCH_CHARACTERS = 64_000
"""A batch takes no more reviews once it has this many characters, about 5 ms of work."""

BATCHES_WHEN_FULL = 16
"""Batches per event-loop iteration while the queue is full; rejections would take most of the time otherwise."""


BatchObserver = Callable[[Sequence[Prediction], float, float, float], None]
"""Receives the predictions of each batch and three durations in seconds: since its first request arrived, of encoding
and of the network. The batcher ignores its errors."""


@dataclass(eq=False, slots=True)
class _Request:
    """One caller's texts; `predictions` holds the results so far, in the same order."""

    texts: Sequence[str]
    top: int
    future: asyncio.Future[list[Prediction]]
    arrived: float
    predictions: list[Prediction] = field(default_factory=list)

    def next_texts(self, count: int, characters: int) -> Sequence[str]:
        """The next texts to score: at least one, at most `count`, and within `characters` if possible."""
        start = end = len(self.predictions)
        while end < len(self.texts) and end - start < count:
            characters -= len(self.texts[end])
            if characters < 0 and end > start:
                break
            end += 1
        return self.texts[start:end]


_Part = tuple[_Request, Sequence[str]]
"""A request and those of its texts that belong to the current batch."""


class Batcher:
    """Scores the reviews of many callers on one event loop.

    Batches run on the event loop itself: most of the work is Python code, which would hold the interpreter lock in a
    thread as well.

    Args:
        classifier: Scores each batch.
        waiting: Limits the reviews in the queue; batchers may share it.
        deadline: Maximum seconds in the queue.
        observe: Called after each batch.
    """

    def __init__(self, classifier: Classifier, waiting: Admission, deadline: float, observe: BatchObserver) -> None:
        self._classifier = classifier
        self._waiting = waiting
        self._deadline = deadline
        self._observe = observe
        self._queue: deque[_Request] = deque()
        self._task: asyncio.Task[None] | None = None

    async def predict(self, texts: Sequence[str], top: int = 0) -> list[Prediction]:
        """Score one or more reviews as `Classifier.predict` does; cancelling the call drops those not scored yet.

        Raises:
            DeadlineExceeded: The reviews were in the queue for longer than the deadline.
            Overloaded: Too many reviews would be waiting; nothing was queued.
            InferenceError: The runtime returned something that is not a probability.
        """
        self._waiting.admit(len(texts))
        request = _Request(texts, top, asyncio.get_running_loop().create_future(), perf_counter())
        self._queue.append(request)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            return await request.future
        finally:
            self._waiting.release(len(texts))

    async def _run(self) -> None:
        """Score batches until the queue is empty; between them, others use the event loop."""
        while True:
            size = 0
            for _ in range(BATCHES_WHEN_FULL if self._waiting.full else 1):
                if self._queue:
                    batch = self._form()
                    self._score(batch)
                    size = len(batch)
                    # Requests with more texts go to the back of the queue, so that they take turns with others.
                    self._queue.extend(request for request, _ in batch if not request.future.done())
            # Clients that were answered together send their next requests together. Where a call costs about the same
            # for one row as for many (TensorFlow), waiting a moment for all of them pays off.
            linger = self._classifier.runtime.linger if size > 1 and len(self._queue) < size else 0
            if not self._queue and not linger:
                return
            await asyncio.sleep(linger)

    def _form(self) -> list[_Part]:
        """Take texts from the front of the queue until the batch is full."""
        batch: list[_Part] = []
        now = perf_counter()
        size = characters = 0
        while self._queue and size < BATCH and characters < BATCH_CHARACTERS:
            request = self._queue.popleft()
            if request.future.done():  # the caller was cancelled
                continue
            if now - request.arrived > self._deadline:
                request.future.set_exception(DeadlineExceeded(self._deadline))
                continue
            alone = not batch and not self._queue
            count = BATCH if alone else min(MAX_PART_REVIEWS, BATCH - size)
            texts = request.next_texts(count, BATCH_CHARACTERS - characters)
            batch.append((request, texts))
            size += len(texts)
            characters += sum(map(len, texts))
        return batch

    def _score(self, batch: Sequence[_Part]) -> None:
        """Score all parts in one call; if that fails, one by one, so that no request fails because of another."""
        if not batch:
            return
        try:
            started = perf_counter()
            found = self._classifier.encode([text for _, texts in batch for text in texts])
            encoded = perf_counter()
            tops = [request.top for request, texts in batch for _ in texts]
            predictions = self._classifier.predict_encoded(found, tops)
            scored = perf_counter()
        except Exception as error:
            if len(batch) == 1:
                batch[0][0].future.set_exception(error)
            else:
                for part in batch:
                    self._score([part])
            return
        remaining = iter(predictions)
        for request, texts in batch:
            request.predictions += islice(remaining, len(texts))
            if len(request.predictions) == len(request.texts):
                request.future.set_result(request.predictions)
        with suppress(Exception):  # measurements must not fail requests
            self._observe(predictions, started - batch[0][0].arrived, encoded - started, scored - encoded)
