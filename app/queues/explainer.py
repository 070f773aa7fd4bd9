"""The explainer: explains reviews one after another, with room for predictions between them on the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..model.classifier import Classifier
from ..model.errors import DeadlineExceeded
from ..model.explanation import Explanation, explain
from .admission import Admission

ITERATIONS = 4
"""Event-loop iterations between two explanations: enough to receive a request, score it and respond."""

Result = TypeVar("Result")


class Explainer:
    """Explains the reviews of many callers on one event loop.

    One request is explained at a time, first come, first served: if several took turns, under load none would finish
    before its deadline.

    Args:
        max_reviews: Maximum reviews in progress; see `Admission`.
        deadline: Maximum seconds per request, with the time in which it waits.
    """

    def __init__(self, max_reviews: int, deadline: float) -> None:
        self.admission = Admission(max_reviews, "reviews that are being explained")
        self._deadline = deadline
        self._order = asyncio.Lock()  # first come, first served

    async def explain(
        self, classifier: Classifier, reviews: Sequence[str], render: Callable[[Explanation], Result]
    ) -> list[Result]:
        """Explain reviews and render each explanation; cancelling the call drops those not explained yet.

        Returns:
            One result per review, in the same order.

        Raises:
            DeadlineExceeded: The explanations took longer than the deadline.
            Overloaded: Too many reviews are in progress.
            InferenceError: The network returned something that is not a number.
        """
        self.admission.admit(len(reviews))
        results: list[Result] = []
        try:
            async with asyncio.timeout(self._deadline), self._order:
                for review in reviews:
                    results.append(render(explain(classifier, review)))
                    for _ in range(ITERATIONS):
                        await asyncio.sleep(0)
        except TimeoutError:
            raise DeadlineExceeded(self._deadline) from None
        finally:
            self.admission.release(len(reviews))
        return results
