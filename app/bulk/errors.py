"""What can stop a bulk job, beside the errors of `app.inference.errors`.

BulkError
├── InputError          there is nothing to score at INPUT, or not in the columns named; nothing was written
├── InputChanged        a file is not what it was when the job was planned; what was committed stays
├── OutputError         the output folder cannot be used as asked
│   ├── OutputForeign   it holds something that no bulk job wrote
│   ├── OutputInUse     another job is writing to it
│   ├── JobDiffers      it belongs to a job with another input, other options or another model
│   └── OutputUnwritable  the system refused to write
├── RowsLost            what came out is not what went in; never seen, and never passed over
├── WorkersFailed       no worker could be started, or one failed in a way that another try would not mend
├── ClusterFailed       the Ray cluster cannot be reached, or gave up
├── PackageMissing      a package that only this input or these options need is not installed
└── Stopped             a signal asked to stop; the same command goes on from there

Messages are for people: they name the file or the option and say what to do next. Exit codes are chosen in
`app.bulk.__main__`, nowhere else.
"""

from pathlib import Path

from app.inference.errors import SentimentError


class BulkError(SentimentError):
    """The root of the errors that bulk scoring raises on purpose."""


class InputError(BulkError):
    """There is nothing to score at INPUT, or not in the columns named."""


class InputChanged(BulkError):
    """A file is not what it was when the job was planned.

    Args:
        name: The file.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name}: it changed while the job ran, so what was scored and what is left may not belong together. "
            "Start again with --overwrite, on files that nobody writes to"
        )


class OutputError(BulkError):
    """The output folder cannot be used as asked."""


class OutputForeign(OutputError):
    """The output folder holds something that no bulk job wrote."""


class OutputInUse(OutputError):
    """Another job is writing to the output folder."""


class JobDiffers(OutputError):
    """The output folder belongs to another job.

    Args:
        folder: The output folder.
        differences: What is not the same, in words.
    """

    def __init__(self, folder: Path, differences: list[str]) -> None:
        super().__init__(
            f"{folder}: it belongs to another job: {'; '.join(differences)}. Run the command as it was to go on with "
            "that job, name another OUTPUT, or add --overwrite to delete what is there and start again"
        )
        self.differences = differences


class OutputUnwritable(OutputError):
    """The system refused to write: the disk is full, say.

    Args:
        path: Where to.
        reason: What the system said.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: cannot be written ({reason}). What was committed stays; make room, or let this user write there, "
            "and run the same command again: it goes on from there"
        )


class RowsLost(BulkError):
    """What came out of a chunk is not what went in.

    Args:
        name: The file.
        row: The chunk's first row.
        rows: How many it has.
    """

    def __init__(self, name: str, row: int, rows: int) -> None:
        super().__init__(
            f"{name}: of the {rows} rows from row {row} on, not all were scored or found bad. This is an error in "
            "app.bulk; please report it"
        )


class WorkersFailed(BulkError):
    """No worker could be started, or one failed in a way that another try would not mend."""


class ClusterFailed(BulkError):
    """The Ray cluster cannot be reached, or gave up."""


class PackageMissing(BulkError):
    """A package that only this input or these options need is not installed.

    Args:
        what: What needs it, as the beginning of a sentence.
        package: Its name.
        extra: The extra that holds it, which is also the name of its lock.
    """

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the package {package}: `.venv/bin/python -m pip install -r requirements/{extra}.txt`"
        )


class Stopped(BulkError):
    """A signal asked to stop.

    Args:
        signal: Its number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__("stopped; the same command goes on from here")
        self.signal = signal
