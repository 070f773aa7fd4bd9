"""Errors of bulk scoring; see also `app.records` and `app.model.errors`."""

from ..model.errors import SentimentError


class BulkError(SentimentError):
    """The job failed; finished parts stay."""


class BulkUsage(BulkError):
    """The command is invalid, or does not fit its input or output (exit code 2)."""
