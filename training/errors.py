"""What can stop a training run, beside the errors of `app.inference.errors`.

TrainingError
├── SourceError      the reviews cannot be had or are not what a review data set holds; nothing was written
│   └── BadRows      some rows of a person's own files cannot be used
└── ReportError      the system refused to write the report of the experiments; runs that were complete are kept
"""

from collections.abc import Sequence
from pathlib import Path

from app.inference.errors import SentimentError


class TrainingError(SentimentError):
    """The root of the errors that training raises on purpose."""


class SourceError(TrainingError):
    """The reviews cannot be had or are not what a review data set holds."""


class BadRows(SourceError):
    """Some rows of a person's own files cannot be used, and nobody said that they may be left out.

    Args:
        bad: `file:line` and the reason, of each.
        rows: How many rows there are in all.
    """

    SHOWN = 10

    def __init__(self, bad: Sequence[tuple[str, str]], rows: int) -> None:
        lines = [f"{len(bad):,} of {rows:,} rows cannot be used:"]
        lines += [f"  {place}: {reason}" for place, reason in bad[: self.SHOWN]]
        if len(bad) > self.SHOWN:
            lines.append(f"  … and {len(bad) - self.SHOWN:,} more")
        if any("label" in reason for _, reason in bad):
            lines.append("A label is 1, positive, pos or true, or 0, negative, neg or false, in any case.")
        lines.append("Mend them, or leave them out with --skip-bad-rows. Nothing was written.")
        super().__init__("\n".join(lines))
        self.bad = tuple(bad)


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
