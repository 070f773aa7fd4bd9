"""What can stop a training run, beside the errors of `app.inference.errors`.

TrainingError
└── SourceError      the reviews cannot be had or are not what a review data set holds; nothing was written
"""

from app.inference.errors import SentimentError


class TrainingError(SentimentError):
    """The root of the errors that training raises on purpose."""


class SourceError(TrainingError):
    """The reviews cannot be had or are not what a review data set holds."""
