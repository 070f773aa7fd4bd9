"""Admission of reviews to the queues: one limit for the batchers of all versions, and one for explanations."""

from ..model.errors import Overloaded

RESUME = 0.5
"""Fraction of the limit below which a full queue accepts requests again."""


class Admission:
    """Counts the reviews that are waiting or being scored.

    Args:
        limit: Maximum number of them, except for a request that arrives when there are none.
        unit: What is counted, for messages.

    Attributes:
        count: Their number.
        full: Whether to reject new requests: from the first rejection until the queue is half empty.
    """

    def __init__(self, limit: int, unit: str = "waiting reviews") -> None:
        self._limit = limit
        self._unit = unit
        self.count = 0
        self.full = False

    def overloaded(self) -> Overloaded:
        """Create the error for a request that cannot be admitted."""
        return Overloaded(f"the limit of {self._limit} {self._unit} was reached")

    def admit(self, count: int) -> None:
        """Count reviews that will wait, or raise Overloaded; `release` them when they have been scored."""
        if self.count and self.count + count > self._limit:
            self.full = True
            raise self.overloaded()
        self.count += count

    def release(self, count: int) -> None:
        """Stop counting reviews."""
        self.count -= count
        if self.count <= self._limit * RESUME:
            self.full = False
