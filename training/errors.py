"""What can stop a training run, beside the errors of `app.inference.errors`.

TrainingError
├── SourceError      the reviews cannot be had or are not what a review data set holds; nothing was written
└── ReportError      the system refused to write the report of the experiments; runs that were complete are kept
"""

from pathlib import Path

from app.inference.errors import SentimentError


class TrainingError(SentimentError):
    """The root of the errors that training raises on purpose."""


class SourceError(TrainingError):
    """The reviews cannot be had or are not what a review data set holds."""


class ReportError(TrainingError):
    """The system refused to write the report of the experiments: the disk is full, say.

    Args:
        folder: Where the report is kept.
        reason: What the system said.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"{folder}: the report cannot be written ({reason}). Complete runs are kept; make room and run the same "
            "command again, it goes on from there"
        )
        self.folder = folder
        self.reason = reason
