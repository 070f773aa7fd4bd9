"""What a job writes: a folder of parts, which can be continued, or one part: a file or standard output.

    scored/
      part-00000.csv    one part per fixed number of input rows, in order
      _bad_lines.jsonl  lines that could not be parsed; only if there are any
      _job.json         what the job is and how far it has come
      _job.lock         only while a job is running

A part is written under a temporary name, then renamed. `_job.json` is written after that, so what it counts is there.
"""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, TypedDict

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from ..model.errors import SentimentError
from ..records import FORMATS, Format, Layout, import_pyarrow
from .scoring import Scored, Scoring, csv_line, table_schema

BAD_LINES, JOB, LOCK = "_bad_lines.jsonl", "_job.json", "_job.lock"
OWN = rf"part-\d{{5,}}\.(csv|jsonl|parquet)|{BAD_LINES}|{JOB}"
"""Names of the files of a job in a folder; all others belong to somebody else and stay."""
STREAM = Path("-")
"""Stands for standard input or standard output."""


class BulkUsage(SentimentError):
    """The command is invalid, or does not fit its input or output (exit code 2)."""


class DamagedFile(TypedDict):
    """An input file of which not all rows could be read, and why."""

    file: str
    reason: str


@dataclass
class JobState:
    """Progress of a job; only finished parts count."""

    parts: int = 0
    rows: int = 0
    errors: int = 0  # rows that could not be scored
    bad_lines: int = 0  # lines that could not be parsed
    bad_line_bytes: int = 0  # size of the file with them
    damaged: list[DamagedFile] = field(default_factory=list)  # the other files are scored nevertheless
    complete: bool = False  # whether all rows of all files are written


def is_single(path: Path) -> bool:
    """Whether OUTPUT is a single file or standard output, not a folder."""
    return path == STREAM or path.suffix.lower() in FORMATS


def bad_lines_of(path: Path) -> Path:
    """The file for lines that cannot be parsed."""
    return path.with_name(f"{path.name}{BAD_LINES}") if is_single(path) else path / BAD_LINES


class Output:
    """What a job writes to.

    Args:
        path: OUTPUT.
        scoring: How rows are scored.
        job: What the job is, as JSON values: a stopped job is continued only if this is the same.

    Attributes:
        single: Whether all rows go to one part.
        advice: What to do after the job was stopped or has failed.
        progress: How far the job has come.
    """

    def __init__(self, path: Path, scoring: Scoring, job: dict[str, Any]) -> None:
        self.single = is_single(path)
        self.advice = "nothing was written" if self.single else "to continue, run the same command with --resume"
        if path == STREAM:
            self.advice = "standard output is incomplete"
        self.progress = JobState()
        self._path = path
        self._bad_lines = bad_lines_of(path)
        self._scoring = scoring
        self._job = job

    @contextmanager
    def opened(self, resume: bool, overwrite: bool) -> Iterator[None]:
        """Lock the output and, with `resume`, read how far the job has come.

        Raises:
            BulkUsage: Another job is running here, or has left something.
            SentimentError: The system refused to write.
            BrokenPipeError: Nobody reads standard output any more.
        """
        try:
            if self._path == STREAM:
                yield
            else:
                with self._locked():
                    self._begin_file(overwrite) if self.single else self._begin_folder(resume)
                    yield
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            if self._path == STREAM:
                raise SentimentError(f"standard output: {reason}") from error
            raise SentimentError(f"{self._path}: {reason}; {self.advice}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other jobs away; the lock is there only meanwhile."""
        lock = self._path.with_name(f".{self._path.name}.bulk.lock") if self.single else self._path / LOCK
        lock.parent.mkdir(parents=True, exist_ok=True)
        _check_regular(lock)
        with lock.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BulkUsage(f"{self._path}: another job is writing here") from error
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def _begin_file(self, overwrite: bool) -> None:
        for path in filter(os.path.lexists, (self._path, self._bad_lines)):
            _check_regular(path)
            if not overwrite:
                raise BulkUsage(f"{path}: exists already; --overwrite replaces it")

    def _begin_folder(self, resume: bool) -> None:
        existing = [path for path in self._path.iterdir() if path.name != LOCK and path.name[0] != "."]
        if resume and (self._path / JOB).exists():
            self._continue()
        elif existing:
            raise BulkUsage(f"{existing[0]}: exists already; choose a new folder, or --resume for a stopped job")

    def _continue(self) -> None:
        own = [path for path in self._path.iterdir() if re.fullmatch(OWN, path.name)]
        for path in own:
            _check_regular(path)
        try:
            state = from_json((self._path / JOB).read_bytes())
            changes = [name for name, value in self._job.items() if state["job"].get(name) != value]
            progress = TypeAdapter(JobState).validate_python(state["progress"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BulkUsage(f"{self._path / JOB}: it is damaged; start over in a new folder") from error
        if changes:
            raise BulkUsage(f"{self._path}: a job with another {', '.join(changes)}; start over in a new folder")
        self.progress = replace(progress, damaged=[])  # reading finds it again
        stems = {path.stem for path in own}
        lost = [name for number in range(progress.parts) if (name := f"part-{number:05}") not in stems]
        size = self._bad_lines.stat().st_size if self._bad_lines in own else 0
        if size < progress.bad_line_bytes:
            lost.append(BAD_LINES)
        if lost:
            raise BulkUsage(f"{self._path / lost[0]}: it is missing or cut off; start over in a new folder")
        if size:
            os.truncate(self._bad_lines, progress.bad_line_bytes)

    def write_part(self, layout: Layout, scored: Iterable[tuple[str, Scored]]) -> None:
        """Write the next part, whole or not at all, and record that it is finished.

        Args:
            layout: Of the input.
            scored: Its chunks in order, each with the name of the input file.
        """
        progress = replace(self.progress, parts=self.progress.parts + 1)
        with self._part(layout.format) as (rows, bad_lines), self._writing(layout, rows) as write:
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

    def finish(self) -> None:
        """Record that nothing is left to do."""
        self._save(replace(self.progress, complete=not self.progress.damaged))

    @contextmanager
    def _part(self, format_: Format) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Open the files for the rows of the next part, and for its bad lines."""
        if self._path == STREAM:
            # Writers of their own: those of `sys` would try again at exit if they fail.
            with open(1, "wb", closefd=False) as rows, open(2, "wb", 0, closefd=False) as bad_lines:
                yield rows, bad_lines
            return
        if self.single:
            with _renamed_when_complete(self._bad_lines) as bad_lines, _renamed_when_complete(self._path) as rows:
                yield rows, bad_lines
            if not self._bad_lines.stat().st_size:
                self._bad_lines.unlink()
            return
        with TemporaryFile(dir=self._path) as bad_lines:
            with _renamed_when_complete(self._path / f"part-{self.progress.parts:05}.{format_}") as rows:
                yield rows, bad_lines
                if not self.progress.parts:  # or --resume refuses a part that it does not know
                    self._save(self.progress)
            if bad_lines.tell():
                bad_lines.seek(0)
                with self._bad_lines.open("ab") as all_bad_lines:
                    shutil.copyfileobj(bad_lines, all_bad_lines)

    @contextmanager
    def _writing(self, layout: Layout, file: IO[bytes]) -> Iterator[Callable[[Any], object]]:
        """Write what comes before the rows, and yield a function that writes the content of a chunk."""
        scoring = self._scoring
        if layout.format == "parquet":
            with import_pyarrow().parquet.ParquetWriter(file, table_schema(scoring, layout.schema)) as writer:
                yield writer.write_batch
            return
        if layout.format == "csv":
            kept = layout.header.rstrip("\r\n") if scoring.keep is None else csv_line(scoring.keep, layout.separator)
            file.write(f"{layout.separator.join([*([kept] if kept else []), *scoring.added])}\n".encode())
        yield file.write

    def _save(self, progress: JobState) -> None:
        self.progress = progress
        if not self.single:
            with _renamed_when_complete(self._path / JOB) as file:
                file.write(to_json({"job": self._job, "progress": self.progress}, indent=2))


def _check_regular(path: Path) -> None:
    """Reject what this program cannot have written: a link, a folder, a pipe."""
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise BulkUsage(f"{path}: not a regular file; move it away, or write to another path")


@contextmanager
def _renamed_when_complete(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; it gets its own when the block ends, and is deleted if the block fails."""
    temporary = path.with_name(f".{path.name}.bulk.tmp")
    temporary.unlink(missing_ok=True)  # left by a job that was killed
    with temporary.open("xb") as file:  # never through a link
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.rename(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
