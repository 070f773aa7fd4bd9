"""Errors of evaluation and calibration, in addition to those of `app.inference.errors`.

SentimentError
├── LabelledFileError     a file of labelled texts cannot be used
├── CalibrationRefused    the texts do not allow a calibration; nothing was written
└── ReportUnwritable      the report could not be written; nothing was left behind

Besides these: `app.records` (unreadable files, missing columns and packages).
"""

from app.inference.errors import SentimentError


class LabelledFileError(SentimentError):
    """A file of labelled texts cannot be used."""


class CalibrationRefused(SentimentError):
    """The texts do not allow a calibration."""


class ReportUnwritable(SentimentError):
    """The report could not be written, for example because the disk is full."""
