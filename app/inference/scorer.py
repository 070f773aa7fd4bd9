"""Concurrent requests share model calls.

What arrives while the network is at work forms the next batch. Nothing waits when the model is idle: the first request
goes at once. A large request is scored in parts, in turn with others, so that it delays nobody by more than a part.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Protocol

from app.inference.classifier import BATCH, Classifier, Prediction
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explanation import PART, Explanation, Occlusion
from app.inference.vocabulary import Row

SHARE = BATCH // 4
"""Reviews of one request in a batch, while others wait too."""

BATCH_CHARACTERS = 64_000
"""Characters a batch at most, one review excepted; some 5 ms of work."""


RESUME = 0.5
"""The share of the bound at which a full queue takes requests again."""


class Observer(Protocol):
    """Is told what the scorer does."""

    def waiting(self, reviews: int) -> None:
        """So many reviews wait or are in work now."""

    def queued(self, seconds: float) -> None:
        """A request waited so long before its first review was taken."""

    def scored(self, predictions: Sequence[Prediction], rows: int, text_seconds: float, model_seconds: float) -> None:
        """A batch of so many rows was encoded and went through the network, in so much time.

        The predictions are those of reviews; rows that were asked about as they are have none.
        """


@dataclass(eq=False)
class _Request:
    """A caller's reviews, or rows; `predictions` holds those of the first ones, as far as work has gone.

    After `expires`, on the clock of `perf_counter`, nothing more of it is scored. A row is as much work as a review of
    as many characters as it has columns that are on.
    """

    reviews: Sequence[str] | Sequence[Row]
    answer: asyncio.Future[list[Prediction]]
    expires: float
    predictions: list[Prediction] = field(default_factory=list)

    def part(self, most: int, characters: int) -> Sequence[str] | Sequence[Row]:
        """The next reviews to score: at least one, then as many as fit."""
        start = end = len(self.predictions)
        while end < len(self.reviews) and end - start < most:
            characters -= _size(self.reviews[end])
            if characters < 0 and end > start:
                break
            end += 1
        return self.reviews[start:end]


def _size(review: str | Row) -> int:
    return len(review if isinstance(review, str) else review.columns)


class Scorer:
    """Scores reviews for many callers on one event loop.

    The work is done on the loop, one bounded batch at a time: most of it is Python's and would hold the interpreter's
    lock in a thread just as well, and the network's part is shorter than the way to a thread and back.

    Args:
        classifier: Called on the loop.
        max_waiting: Reviews that may wait or be in work at a time.
        deadline: Seconds that a call may take.
        observer: Told what happens.
    """

    def __init__(self, classifier: Classifier, max_waiting: int, deadline: float, observer: Observer) -> None:
        self._classifier = classifier
        self._max_waiting = max_waiting
        self._deadline = deadline
        self._observer = observer
        self._queue: deque[_Request] = deque()
        self._scheduled = False
        self.waiting = 0
        self.full = False
        """Whether new requests should be refused unread: from one that was refused until the queue is half empty."""

    async def predict(self, reviews: Sequence[str]) -> list[Prediction]:
        """Estimate how likely each review is to be positive; see `Classifier.predict`.

        Cancelling the call drops those of its reviews that are not in work yet.

        Raises:
            DeadlineExceeded: It took too long.
            Overloaded: More than `max_waiting` reviews would wait. Nothing was queued.
            InferenceError: The runtime's answer was unusable.
        """
        return await self._ask(reviews)

    async def explain(self, occlusion: Occlusion) -> Explanation:
        """Ask the network all that explains a review; each of its rows waits and counts as a review does.

        Raises:
            DeadlineExceeded: One of the parts took too long.
            Overloaded: More than `max_waiting` reviews would wait.
            InferenceError: The runtime's answer was unusable.
        """
        predictions: list[Prediction] = []
        for part in occlusion.parts(min(PART, self._max_waiting)):
            predictions += await self._ask(part)
        return occlusion.explanation(predictions)

    async def _ask(self, reviews: Sequence[str] | Sequence[Row]) -> list[Prediction]:
        if self.waiting + len(reviews) > self._max_waiting:
            self.full = True
            raise Overloaded(len(reviews), self.waiting, self._max_waiting)
        loop = asyncio.get_running_loop()
        request = _Request(reviews, loop.create_future(), perf_counter() + self._deadline)
        self.waiting += len(reviews)
        self._observer.waiting(self.waiting)
        self._queue.append(request)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._work)
        try:
            return await request.answer
        finally:
            self.waiting -= len(reviews)
            self._observer.waiting(self.waiting)
            if self.waiting <= self._max_waiting * RESUME:
                self.full = False

    def _work(self) -> None:
        """Score one batch, then let others run before the next."""
        batch = self._next_batch()
        if not batch:
            self._scheduled = False
            return
        for (request, _), outcome in zip(batch, self._score([part for _, part in batch]), strict=True):
            if request.answer.done():  # cancelled
                continue
            if isinstance(outcome, Exception):
                request.answer.set_exception(outcome)
                continue
            request.predictions += outcome
            if len(request.predictions) == len(request.reviews):
                request.answer.set_result(request.predictions)
        # Many at once will come back at once: a call for all of them is cheaper than one for the first to come.
        lingering = len(batch) > 1 and self._queued() < len(batch) and self._classifier.runtime.linger
        self._scheduled = bool(self._queue or lingering)
        if self._scheduled:
            asyncio.get_running_loop().call_later(lingering, self._work)

    def _queued(self) -> int:
        return sum(len(request.reviews) - len(request.predictions) for request in self._queue)

    def _score(self, parts: Sequence[Sequence[str] | Sequence[Row]]) -> list[list[Prediction] | Exception]:
        """Score all in one call; where that fails, one by one, so that nobody's failure becomes a neighbour's."""
        try:
            started = perf_counter()
            reviews = [review for part in parts for review in part]
            texts = [review for review in reviews if isinstance(review, str)]
            rows = self._classifier.encode(texts)
            if len(texts) < len(reviews):
                of_texts = iter(rows)
                rows = [next(of_texts) if isinstance(review, str) else review for review in reviews]
            encoded = perf_counter()
            predictions = self._classifier.predict_rows(rows)
            of_reviews = predictions
            if len(texts) < len(reviews):
                of_reviews = [mine for mine, of in zip(predictions, reviews, strict=True) if isinstance(of, str)]
            self._observer.scored(of_reviews, len(rows), encoded - started, perf_counter() - encoded)
            scored = iter(predictions)
            return [list(islice(scored, len(part))) for part in parts]
        except Exception as error:
            return [error] if len(parts) == 1 else [self._score([part])[0] for part in parts]

    def _next_batch(self) -> list[tuple[_Request, Sequence[str] | Sequence[Row]]]:
        """Take parts of requests in order of arrival until the batch is full; those with more left queue up again."""
        batch: list[tuple[_Request, Sequence[str] | Sequence[Row]]] = []
        unfinished: list[_Request] = []
        size = characters = 0
        now = perf_counter()  # the loop's own clock stands still between its rounds
        while self._queue and size < BATCH and characters < BATCH_CHARACTERS:
            request = self._queue.popleft()
            if request.answer.done():  # its caller is gone, or was told of a failure
                continue
            if now > request.expires:
                request.answer.set_exception(DeadlineExceeded(self._deadline))
                continue
            if not request.predictions:
                self._observer.queued(now + self._deadline - request.expires)
            room = min(SHARE, BATCH - size) if self._queue or batch else BATCH
            part = request.part(room, BATCH_CHARACTERS - characters)
            batch.append((request, part))
            size += len(part)
            characters += sum(map(_size, part))
            if len(request.predictions) + len(part) < len(request.reviews):
                unfinished.append(request)
        self._queue.extend(unfinished)
        return batch
