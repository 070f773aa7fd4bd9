"""What can go wrong between a raw review and its probability.

SentimentError
├── BundleError            the bundle on disk cannot serve or be made; nothing was loaded or left half-made
│   ├── BundleNotFound     no such folder, or no version in it
│   ├── BundleDamaged      a file is missing, changed, unreadable, foreign or contradicts another
│   ├── BundleExists       a bundle is immutable and this version is taken
│   └── BundleUnwritable   the system refused to write a new bundle; nothing of it was left
├── RuntimeUnavailable     the package that the chosen runtime needs is not installed
├── InferenceError         the runtime returned something that is not a probability
├── DeadlineExceeded       the reviews were not scored in time
├── Overloaded             too many reviews or explanations are in progress; try again later
├── NotServing             the service is stopping; another replica may answer
├── TracingUnavailable     traces are requested, but their packages are not installed (`app.tracing`)
└── RequestError           the request cannot be answered as it is (`app.api.errors`)

Messages are for people: they name the file or the limit and say what to do next. Only `app.api.errors` chooses HTTP
statuses.
"""

from pathlib import Path


class SentimentError(Exception):
    """The root of every error that this project raises on purpose."""


class BundleError(SentimentError):
    """The bundle on disk cannot serve, or cannot be made."""


class BundleNotFound(BundleError):
    """There is no bundle at the place named."""


class BundleDamaged(BundleError):
    """A file of the bundle is missing, changed, unreadable, foreign or contradicts another.

    Args:
        path: The file or folder at fault.
        reason: What is wrong with it, as the rest of a sentence that begins with its name.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}. The bundle is not used; copy it again from where it was trained, or train it anew "
            "with `python -m training`"
        )
        self.path = path
        self.reason = reason


class BundleExists(BundleError):
    """A bundle is immutable, and there is one under this version already."""


class BundleUnwritable(BundleError):
    """The system refused to write a new bundle: the disk is full, say, or the folder is not ours.

    Args:
        target: The folder that the bundle would have had.
        reason: What the system said.
    """

    def __init__(self, target: Path, reason: str) -> None:
        super().__init__(
            f"{target}: the bundle cannot be written ({reason}). Nothing of it was left; make room, or name another "
            "place with --output, and train again"
        )
        self.target = target
        self.reason = reason


class RuntimeUnavailable(SentimentError):
    """The package that the chosen runtime needs is not installed."""


class InferenceError(SentimentError):
    """The runtime returned another shape than one probability a review, or a value outside [0, 1]."""


class DeadlineExceeded(SentimentError):
    """The reviews were not scored in time, and the rest of the work was dropped.

    Args:
        seconds: The deadline.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the reviews were not scored within {seconds:g} seconds")


class Overloaded(SentimentError):
    """A limit on the work in progress was reached; nothing was queued."""


class NotServing(SentimentError):
    """The service is stopping."""
