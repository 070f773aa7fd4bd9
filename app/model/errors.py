"""Errors between a raw review and its probability.

SentimentError          the root; raised itself where nothing but its message matters
├── BundleError         a bundle cannot be found, used or written
├── PackageMissing      an optional package is needed, but not installed
├── TooManyReviews      a request has more reviews than allowed
├── ReviewTooLong       a review has more characters than allowed
├── InferenceError      the runtime returned something that is not a probability
├── DeadlineExceeded    the reviews were not scored in time
├── Overloaded          too many reviews or explanations are in progress; try again later
└── NotServing          the service is stopping; another replica may answer

Other modules derive their own errors from the root. An error has a class of its own only if some code catches it or
renders it differently; otherwise, its message is enough. Messages are for people: they name the file or the limit and
say what to do next.
"""

from pathlib import Path
from typing import Any


class SentimentError(Exception):
    """The root of every error that this project raises on purpose; `members` are details for programs."""

    def __init__(self, message: str = "", **members: Any) -> None:
        super().__init__(message)
        self.members = members


class BundleError(SentimentError):
    """A bundle cannot be found, used or written."""


def damaged(path: Path, reason: str) -> BundleError:
    """Make the error for a bundle with a wrong file; the reason is the rest of a sentence that starts with its path."""
    return BundleError(
        f"{path}: {reason}. The bundle is not used; copy it again from where it was trained, or train a new one "
        "with `python -m training`"
    )


class PackageMissing(SentimentError):
    """An optional package is needed, but not installed; the message says how to install it."""


class TooManyReviews(SentimentError):
    """A request has more reviews than allowed."""

    def __init__(self, limit: int, received: int) -> None:
        super().__init__(
            f"A request may have at most {limit} reviews; this one has {received}. Send them in several requests.",
            limit=limit,
            received=received,
        )


class ReviewTooLong(SentimentError):
    """A review has more characters than allowed; `place` names it in the message."""

    def __init__(self, place: str, index: int, limit: int, received: int) -> None:
        super().__init__(
            f"A review may have at most {limit} characters; {place} has {received}. Shorten or split it.",
            limit=limit,
            received=received,
            index=index,
        )


class InferenceError(SentimentError):
    """The runtime returned an unexpected shape or a value outside [0, 1]."""


class DeadlineExceeded(SentimentError):
    """The reviews were not scored in time, and the rest of the work was dropped."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the reviews were not scored within {seconds:g} seconds")


class Overloaded(SentimentError):
    """A limit on the work in progress was reached."""


class NotServing(SentimentError):
    """The service is stopping."""
