"""Admission of reviews to the queues: one limit for the batchers of all versions."""

from app.inference.errors import Overloaded

RESUME = 0.5
"""Fraction of the limit below which a full queue accepts requests again."""


class WaitingReviews:
    """Counts the reviews that are waiting or being scored.

    Args:
        limit: Maximum number of them.

    Attributes:
        count: Reviews that are waiting or being scored.
        full: Whether to reject new requests: from the first rejection until the queue is half empty.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.count = 0
        self.full = False

    def overloaded(self) -> Overloaded:
        """Create the error for a request that cannot be admitted."""
        return Overloaded(f"the limit of {self._limit} waiting reviews was reached")

    def admit(self, reviews: int) -> None:
        """Count reviews that will wait; `release` them when they have been scored.

        Raises:
            Overloaded: There would be more than the limit; nothing was counted.
        """
        if self.count and self.count + reviews > self._limit:
            self.full = True
            raise self.overloaded()
        self.count += reviews

    def release(self, reviews: int) -> None:
        """Stop counting reviews."""
        self.count -= reviews
        if self.count <= self._limit * RESUME:
            self.full = False
