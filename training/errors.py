"""Errors of training."""

from app.model.errors import SentimentError


class TrainingError(SentimentError):
    """A recipe cannot be run, for example because the reviews are not what it needs, or a report cannot be written."""
