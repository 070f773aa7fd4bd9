"""What can go wrong while files are scored.

SentimentError
└── BulkError         the job failed; finished parts stay
    └── BulkUsage     the command cannot be carried out as it is (exit code 2)

Beside these: `app.records` (unreadable files, missing columns) and `app.inference.errors` (bundle, runtime).
"""

from app.inference.errors import SentimentError


class BulkError(SentimentError):
    """The job failed; finished parts stay."""


class BulkUsage(BulkError):
    """The command cannot be carried out as it is."""
