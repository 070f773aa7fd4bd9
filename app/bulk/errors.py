"""Errors of bulk scoring.

SentimentError
└── BulkError         the job failed; finished parts stay
    └── BulkUsage     the command is invalid (exit code 2)

Besides these: `app.records` (unreadable files, missing columns) and `app.inference.errors` (bundle, runtime).
"""

from app.inference.errors import SentimentError


class BulkError(SentimentError):
    """The job failed; finished parts stay."""


class BulkUsage(BulkError):
    """The command is invalid, or does not fit its input or output."""
