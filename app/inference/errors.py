"""Errors between a raw review and its probability.

SentimentError
├── BundleError            a bundle cannot be used or created
│   ├── BundleNotFound     no such folder, or no version in it
│   ├── BundleDamaged      a file is missing, changed, unreadable, unlisted or contradicts another
│   ├── BundleExists       bundles are immutable, and this version already exists
│   └── BundleUnwritable   a new bundle could not be written; nothing was left behind
├── LimitExceeded          the reviews exceed a limit (`app.inference.limits`)
│   ├── TooManyReviews     more reviews than allowed
│   └── ReviewTooLong      a review with more characters than allowed
├── RuntimeUnavailable     the package that the chosen runtime needs is not installed
├── InferenceError         the runtime returned something that is not a probability
├── DeadlineExceeded       the reviews were not scored in time
├── Overloaded             too many reviews or explanations are in progress; try again later
├── NotServing             the service is stopping; another replica may answer
├── NoRoomForMetrics       several workers cannot share metrics, as the disk is full (`app.telemetry.shared`)
├── TracingUnavailable     traces are requested, but their packages are not installed (`app.telemetry.tracing`)
└── RequestError           the request cannot be answered as sent (`app.api.errors`)

Messages are for people: they name the file or the limit and say what to do next. Only `app.api.errors` chooses HTTP
statuses.
"""

from pathlib import Path
from typing import Any


class SentimentError(Exception):
    """The root of every error that this project raises on purpose.

    Args:
        message: What is wrong and what to do, for people.
        members: Details for programs, such as the limit that was exceeded.
    """

    def __init__(self, message: str = "", **members: Any) -> None:
        super().__init__(message)
        self.members = members


class BundleError(SentimentError):
    """A bundle cannot be used or created."""


class BundleNotFound(BundleError):
    """There is no such bundle."""


class BundleDamaged(BundleError):
    """A file of the bundle is missing, changed, unreadable, unlisted or contradicts another.

    Args:
        path: The file or folder.
        reason: What is wrong with it, as the rest of a sentence that starts with its path.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}. The bundle is not used; copy it again from where it was trained, or train a new one "
            "with `python -m training`"
        )
        self.path = path
        self.reason = reason


class BundleExists(BundleError):
    """Bundles are immutable, and this version already exists."""


class BundleUnwritable(BundleError):
    """A new bundle could not be written, for example because the disk is full.

    Args:
        target: The folder of the new bundle.
        reason: The system's message.
    """

    def __init__(self, target: Path, reason: str) -> None:
        super().__init__(
            f"{target}: the bundle cannot be written ({reason}). Nothing was left behind; free some space, or choose "
            "another folder with --output, and train again"
        )
        self.target = target
        self.reason = reason


class LimitExceeded(SentimentError):
    """The reviews exceed a limit."""


class TooManyReviews(LimitExceeded):
    """There are more reviews than allowed."""

    def __init__(self, limit: int, received: int) -> None:
        super().__init__(
            f"A request may have at most {limit} reviews; this one has {received}. Send them in several requests.",
            limit=limit,
            received=received,
        )


class ReviewTooLong(LimitExceeded):
    """A review has more characters than allowed; `place` names it in the message."""

    def __init__(self, place: str, index: int, limit: int, received: int) -> None:
        super().__init__(
            f"A review may have at most {limit} characters; {place} has {received}. Shorten or split it.",
            limit=limit,
            received=received,
            index=index,
        )


class RuntimeUnavailable(SentimentError):
    """The package that the chosen runtime needs is not installed."""


class InferenceError(SentimentError):
    """The runtime returned an unexpected shape or a value outside [0, 1]."""


class DeadlineExceeded(SentimentError):
    """The reviews were not scored in time, and the rest of the work was dropped.

    Args:
        seconds: The deadline.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the reviews were not scored within {seconds:g} seconds")


class Overloaded(SentimentError):
    """A limit on the work in progress was reached."""


class NotServing(SentimentError):
    """The service is stopping."""
