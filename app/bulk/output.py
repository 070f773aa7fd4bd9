"""What a job writes to: a single file, standard output or, in `app.bulk.parts`, a folder."""

import fcntl
import os
import re
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from pydantic_core import to_json

from app.bulk.errors import BulkError, BulkUsage
from app.bulk.scoring import Scored, Scoring, csv_line, table_schema
from app.records import Format, Layout, format_of, import_pyarrow

BAD_LINES = "_bad_lines.jsonl"
STREAM = Path("-")
"""Stands for standard input or standard output."""


@dataclass
class DamagedFile:
    """An input file of which not all rows could be read.

    Attributes:
        file: Its path.
        reason: Why.
        parts: How many parts are finished when its rows, and those of all files before it, are written.
    """

    file: str
    reason: str
    parts: int


@dataclass
class JobState:
    """Progress of a job; only finished parts count.

    Attributes:
        parts: Finished parts.
        rows: Rows in them.
        errors: How many of these could not be scored.
        bad_lines: Lines that could not be parsed.
        bad_line_bytes: Size of the file with them.
        damaged: Input files that are damaged; the others are scored nevertheless.
        complete: Whether all rows of all files are written.
    """

    parts: int = 0
    rows: int = 0
    errors: int = 0
    bad_lines: int = 0
    bad_line_bytes: int = 0
    damaged: list[DamagedFile] = field(default_factory=list)
    complete: bool = False


def is_single(path: Path) -> bool:
    """Whether OUTPUT is a single file or standard output, not a folder."""
    return path == STREAM or format_of(path) is not None


def bad_lines_of(path: Path) -> Path:
    """The file for lines that cannot be parsed."""
    return path.with_name(f"{path.name}{BAD_LINES}") if is_single(path) else path / BAD_LINES


class Output(ABC):
    """What a job writes to.

    Attributes:
        path: OUTPUT.
        single: Whether all rows go to one part.
        advice: What to do after the job was stopped or has failed.
        progress: How far the job has come.
    """

    single = True
    advice = "nothing was written"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress = JobState()
        self._damaged: list[DamagedFile] = []

    @abstractmethod
    def opened(self, resume: bool, overwrite: bool) -> AbstractContextManager[None]:
        """Lock the output and, with `resume`, read how far the job has come.

        Raises:
            BulkUsage: Another job is running here, or has left something.
            BulkError: The system refused to write.
        """

    @abstractmethod
    def _part(self, format_: Format) -> AbstractContextManager[tuple[IO[bytes], IO[bytes]]]:
        """The files for the rows of the next part, and for its bad lines; both count when the block ends."""

    def write_part(self, scoring: Scoring, layout: Layout, scored: Iterable[tuple[str, Scored]]) -> None:
        """Write the next part, whole or not at all, and record that it is finished.

        Args:
            scoring: How it was scored.
            layout: Of the input.
            scored: Its chunks in order, each with the name of the input file.
        """
        progress = replace(self.progress, parts=self.progress.parts + 1)
        with self._part(layout.format) as (rows, bad_lines), _writing(scoring, layout, rows) as write:
            for name, chunk in scored:
                if chunk.rows:
                    write(chunk.content)
                    rows.flush()
                progress.rows += chunk.rows
                progress.errors += chunk.errors
                progress.bad_lines += len(chunk.bad_lines)
                for line in chunk.bad_lines:
                    progress.bad_line_bytes += bad_lines.write(to_json({"file": name, **line._asdict()}) + b"\n")
        self._save(progress)

    def found_damaged(self, file: DamagedFile) -> None:
        """Note that an input is damaged; this counts when the parts before the damage are finished."""
        self._damaged.append(file)

    def finish(self) -> None:
        """Record that nothing is left to do."""
        self._save(replace(self.progress, complete=not self.progress.damaged and not self._damaged))

    def _save(self, progress: JobState) -> None:
        written = [file for file in self._damaged if self.single or file.parts <= progress.parts]
        self._damaged = self._damaged[len(written) :]
        self.progress = replace(progress, damaged=[*self.progress.damaged, *written])


class StandardOutput(Output):
    """Rows go to standard output, and bad lines to standard error."""

    advice = "standard output is incomplete"

    @contextmanager
    def opened(self, _resume: bool, _overwrite: bool) -> Iterator[None]:
        """See `Output`. A BrokenPipeError, which means that nobody reads any more, is passed on."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise BulkError(f"standard output: {error.strerror}") from error

    @contextmanager
    def _part(self, _: Format) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        # Writers of their own: those of `sys` would try again at exit if they fail.
        with open(1, "wb", closefd=False) as rows, open(2, "wb", 0, closefd=False) as bad_lines:
            yield rows, bad_lines


class SingleFile(Output):
    """A file that is there when the job ends; an old one stays until then."""

    @contextmanager
    def opened(self, _resume: bool, overwrite: bool) -> Iterator[None]:
        """See `Output`."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        with locked(lock, self.path, self.advice):
            for path in filter(os.path.lexists, (self.path, bad_lines_of(self.path))):
                check_regular(path)
                if not overwrite:
                    raise BulkUsage(f"{path}: exists already; --overwrite replaces it")
            remove_temporaries(self.path.parent, f"{re.escape(self.path.name)}({BAD_LINES})?")
            yield
            lock.unlink()

    @contextmanager
    def _part(self, _: Format) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        others = bad_lines_of(self.path)
        with renamed_when_complete(others) as bad_lines, renamed_when_complete(self.path) as rows:
            yield rows, bad_lines
        if not others.stat().st_size:
            others.unlink()


@contextmanager
def locked(lock: Path, output: Path, advice: str) -> Iterator[None]:
    """Keep other jobs away from an output, and say what to do if the system refuses to write."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        check_regular(lock)
        with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666), "rb") as file:
            if os.fstat(file.fileno()).st_size:
                raise BulkUsage(f"{lock}: this program did not write it; move it away")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BulkUsage(f"{output}: another job is writing here") from error
            yield
    except OSError as error:
        raise BulkError(f"{output}: {error.strerror or error}; {advice}") from error


@contextmanager
def _writing(scoring: Scoring, layout: Layout, file: IO[bytes]) -> Iterator[Callable[[Any], object]]:
    """Write what comes before the rows, and yield a function that writes the content of a chunk."""
    if layout.format == "parquet":
        with import_pyarrow().parquet.ParquetWriter(file, table_schema(scoring, layout.schema)) as writer:
            yield writer.write_batch
        return
    if layout.format == "csv":
        kept = layout.header.rstrip("\r\n") if scoring.keep is None else csv_line(scoring.keep, layout.separator)
        file.write(f"{layout.separator.join([*([kept] if kept else []), *scoring.added])}\n".encode())
    yield file.write


def check_regular(path: Path) -> None:
    """Reject what this program cannot have written: a link, a folder, a pipe.

    Raises:
        BulkUsage: It exists and is not a regular file.
    """
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise BulkUsage(f"{path}: not a regular file; move it away, or write to another path")


def remove_temporaries(folder: Path, names: str) -> None:
    """Delete what killed jobs have left of files whose names match a pattern; no other job may be writing them."""
    for path in folder.iterdir():
        if re.fullmatch(rf"\.({names})\.[0-9a-f]{{8}}\.tmp", path.name) and stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


@contextmanager
def renamed_when_complete(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; it gets its own when the block ends, and is deleted if the block fails."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with temporary.open("xb") as file:  # never through a link
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
