"""The explainer: explanations have their own limits, and take short turns with predictions on the event loop."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from app.inference.classifier import Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explanation import Explanation, Occlusion
from app.inference.prediction import Prediction
from app.inference.waiting import WaitingReviews

CHUNK = 64
"""Rows per call to the network; predictions are scored between two calls."""

MIN_CHARACTERS = 1000
"""What a shorter review counts as, since each takes a few milliseconds."""

START = 0.5
SHARE = 0.5


class Explainer:
    def __init__(self, max_characters: int, deadline: float) -> None:
        self._deadline = deadline
        self._admitted = WaitingReviews(max_characters)
        self.requests = 0
        self._turn = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether to reject new requests."""
        return self._admitted.full

    def overloaded(self) -> Overloaded:
        return self._admitted.overloaded()

    async def explain(self, classifier: Classifier, reviews: Sequence[str]) -> list[Explanation]:
        characters = sum(max(len(review), MIN_CHARACTERS) for review in reviews)
        self._admitted.admit(characters)
        self.requests += 1
        end = asyncio.get_running_loop().time() + self._deadline
        try:
            try:
                async with asyncio.timeout(self._deadline * START):
                    await self._turn.acquire()
            except TimeoutError:
                raise Overloaded("explanations take too long") from None
            try:
                async with asyncio.timeout_at(end):
                    return [await self._explain(classifier, review) for review in reviews]
            except TimeoutError:
                raise DeadlineExceeded(self._deadline) from None
            finally:
                self._turn.release()
        finally:
            self.requests -= 1
            self._admitted.release(characters)

    async def _explain(self, classifier: Classifier, review: str) -> Explanation:
        occlusion = await asyncio.to_thread(Occlusion, classifier.vocabulary, review)
        predictions: list[Prediction] = []
        end = 0.0
        for chunk in occlusion.predictions(classifier):
            predictions += chunk
            now = perf_counter()
            if now >= end:
                await asyncio.sleep(0)
                then = now
                now = perf_counter()
                end = now + (now - then) * SHARE
        return occlusion.explanation(predictions)
