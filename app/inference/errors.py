"""What can go wrong between a raw review and its probability.

SentimentError
├── BundleError            the bundle on disk cannot serve or be made; nothing was loaded or left half-made
│   ├── BundleNotFound     no such folder, or no version in it
│   ├── BundleDamaged      a file is missing, changed, unreadable, foreign or contradicts another
│   ├── BundleExists       a bundle is immutable and this version is taken
│   └── BundleUnwritable   the system refused to write a new bundle; nothing of it was left
├── RuntimeUnavailable     the package that the chosen runtime needs is not installed
├── InferenceError         the runtime answered with something that is no probability
├── DeadlineExceeded       the reviews waited for the model for too long
├── Overloaded             too many reviews are waiting already; try again later
└── NotServing             the service is starting or stopping; another replica may answer

Messages are for people: they name the file or the limit and say what to do next. HTTP statuses are chosen in
`app.api`, nowhere else.
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
    """The reviews were not scored in time, and the rest of the work on them was dropped.

    Args:
        seconds: The time they had.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the reviews waited for the model for more than {seconds:g} seconds")


class Overloaded(SentimentError):
    """Admitting the reviews would exceed the bound on waiting ones.

    Args:
        received: Reviews that asked to be admitted.
        waiting: Reviews that were waiting already.
        limit: The bound.
    """

    def __init__(self, received: int, waiting: int, limit: int) -> None:
        super().__init__(f"{waiting} reviews are waiting, {received} more would exceed the limit of {limit}")


class NotServing(SentimentError):
    """The service is starting or stopping and takes no reviews."""
