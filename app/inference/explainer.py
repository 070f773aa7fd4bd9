"""The explainer: explains reviews in the order of arrival, in short turns between predictions on the event loop.

Cost with LiteRT: 4 ms for a review of 1,000 characters, 90 ms for one of 50,000, and twice that if its words are all
different and each is a sentence.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TypeVar

from app.inference.classifier import Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explanation import Explanation, Occlusion
from app.inference.prediction import Prediction
from app.inference.waiting import WaitingReviews

MIN_CHARACTERS = 1000
"""A shorter review counts as this many characters."""

MAX_WAIT = 0.3
"""Maximum share of the deadline to wait for the turn; the rest is enough for the largest request on a busy machine."""

SHARE = 0.5
"""Length of a turn, in relation to the time that everything else took since the last one."""

TURN_WHEN_FULL = 0.01
"""Minimum seconds of a turn while requests are rejected; rejections would take most of the time otherwise."""

ITERATIONS = 4
"""Event-loop iterations between two turns: enough to receive a request, score it and respond."""

Result = TypeVar("Result")


class Explainer:
    """Explains the reviews of many callers on one event loop.

    An explanation takes one row for each column of a known term, thousands for the longest reviews. The rows go
    directly to the classifier, never into the prediction queue. One request is explained at a time: if several took
    turns, under load none would finish before its deadline. After each turn the event loop, and with it the batcher,
    runs.

    Args:
        max_characters: Maximum characters in progress, except for a request that arrives when there are none.
        deadline: Maximum seconds per request.

    Attributes:
        requests: Requests in progress.
    """

    def __init__(self, max_characters: int, deadline: float) -> None:
        self._admitted = WaitingReviews(max_characters, "characters of reviews to explain")
        self._deadline = deadline
        self._order = asyncio.Lock()  # first come, first served
        self._turn_ends = 0.0
        self.requests = 0

    @property
    def full(self) -> bool:
        """Whether to reject new requests."""
        return self._admitted.full

    def overloaded(self) -> Overloaded:
        """Create the error for a request that cannot be admitted."""
        return self._admitted.overloaded()

    async def explain(
        self, classifier: Classifier, reviews: Sequence[str], render: Callable[[Explanation], Result]
    ) -> list[Result]:
        """Explain reviews, one after another.

        Cancelling the call drops the rows that have not been scored yet.

        Args:
            classifier: Makes the predictions to explain.
            reviews: Raw texts; may be empty.
            render: Turns each explanation into its result, which takes 20 ms for the longest reviews as JSON.

        Returns:
            One result per review, in the same order.

        Raises:
            DeadlineExceeded: The explanations took longer than the deadline.
            Overloaded: Too many characters are in progress, or earlier requests took too long (MAX_WAIT).
            InferenceError: The runtime returned something that is not a probability.
        """
        characters = sum(max(len(review), MIN_CHARACTERS) for review in reviews)
        deadline = asyncio.get_running_loop().time() + self._deadline
        self._admitted.admit(characters)
        self.requests += 1
        try:
            await self._wait_in_line()
            try:
                async with asyncio.timeout_at(deadline):
                    return [await self._explain(classifier, review, render) for review in reviews]
            except TimeoutError:
                raise DeadlineExceeded(self._deadline) from None
            finally:
                self._order.release()
        finally:
            self.requests -= 1
            self._admitted.release(characters)

    async def _wait_in_line(self) -> None:
        seconds = self._deadline * MAX_WAIT
        try:
            async with asyncio.timeout(seconds):
                await self._order.acquire()
        except TimeoutError:
            raise Overloaded(f"earlier explanations took more than {seconds:g} seconds") from None

    async def _explain(self, classifier: Classifier, review: str, render: Callable[[Explanation], Result]) -> Result:
        occlusion = Occlusion(classifier.vocabulary, review)
        await self._end_turn()
        predictions: list[Prediction] = []
        for chunk in occlusion.predictions(classifier):
            predictions += chunk
            await self._end_turn()
        explanation = occlusion.explanation(predictions)
        await self._end_turn()
        result = render(explanation)
        await self._end_turn()
        return result

    async def _end_turn(self) -> None:
        """Yield to the event loop, unless there is time left in this turn."""
        ended = perf_counter()
        if ended < self._turn_ends:
            return
        for _ in range(ITERATIONS):
            await asyncio.sleep(0)
        resumed = perf_counter()
        minimum = TURN_WHEN_FULL if self.full else 0
        self._turn_ends = resumed + max((resumed - ended) * SHARE, minimum)
