"""Errors of training, in addition to those of `app.inference.errors`.

TrainingError
├── SourceError    the reviews cannot be read, or are not what the recipe needs; nothing was written
└── ReportError    the report of the experiments could not be written; complete runs are kept
"""

from app.inference.errors import SentimentError


class TrainingError(SentimentError):
    """The root of the errors that training raises on purpose."""


class SourceError(TrainingError):
    """The reviews cannot be read, or are not what the recipe needs."""


class ReportError(TrainingError):
    """The report of the experiments could not be written, for example because the disk is full."""
