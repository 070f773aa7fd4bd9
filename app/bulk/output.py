"""What a job writes: a folder of parts, which can be continued, or one part: a file or standard output.

    scored/
      part-00000.csv    one part per fixed number of input rows, in order
      _bad_lines.jsonl  lines that could not be parsed; only if there are any
      _job.json         what the job is and how far it has come
      _job.lock         only while a job is running

A part is written under a temporary name, then renamed. `_job.json` is written after that, so what it counts is there.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from ..records import FORMATS, Format, Layout, import_pyarrow
from .errors import BulkError, BulkUsage
from .files import check_regular, locked, renamed_when_complete
from .scoring import Scored, Scoring, csv_line, table_schema

BAD_LINES, JOB, LOCK = "_bad_lines.jsonl", "_job.json", "_job.lock"
OWN = rf"part-\d{{5,}}\.(csv|jsonl|parquet)|{BAD_LINES}|{JOB}"
"""Names of the files of a job in a folder; all others belong to somebody else and stay."""
STREAM = Path("-")
"""Stands for standard input or standard output."""


@dataclass
class DamagedFile:
    """An input file of which not all rows could be read.

    Attributes:
        file: Its path.
        reason: Why.
    """

    file: str
    reason: str


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
    return path == STREAM or path.suffix.lower() in FORMATS


def bad_lines_of(path: Path) -> Path:
    """The file for lines that cannot be parsed."""
    return path.with_name(f"{path.name}{BAD_LINES}") if is_single(path) else path / BAD_LINES


class Output:
    """What a job writes to.

    Args:
        path: OUTPUT.
        job: What the job is, as JSON values: a stopped job is continued only if this is the same.

    Attributes:
        single: Whether all rows go to one part.
        advice: What to do after the job was stopped or has failed.
        progress: How far the job has come.
    """

    def __init__(self, path: Path, job: dict[str, Any]) -> None:
        self.single = is_single(path)
        self.advice = "nothing was written" if self.single else "to continue, run the same command with --resume"
        if path == STREAM:
            self.advice = "standard output is incomplete"
        self.progress = JobState()
        self._path = path
        self._bad_lines = bad_lines_of(path)
        self._job = job

    @contextmanager
    def opened(self, resume: bool, overwrite: bool) -> Iterator[None]:
        """Lock the output and, with `resume`, read how far the job has come.

        Raises:
            BulkUsage: Another job is running here, or has left something.
            BulkError: The system refused to write.
            BrokenPipeError: Nobody reads standard output any more.
        """
        try:
            if self._path == STREAM:
                yield
            elif self.single:
                with locked(self._path.with_name(f".{self._path.name}.bulk.lock"), self._path):
                    self._begin_file(overwrite)
                    yield
            else:
                with locked(self._path / LOCK, self._path):
                    self._begin_folder(resume)
                    yield
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            if self._path == STREAM:
                raise BulkError(f"standard output: {reason}") from error
            raise BulkError(f"{self._path}: {reason}; {self.advice}") from error

    def _begin_file(self, overwrite: bool) -> None:
        for path in filter(os.path.lexists, (self._path, self._bad_lines)):
            check_regular(path)
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
            check_regular(path)
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
        lost = [name for number in range(self.progress.parts) if (name := f"part-{number:05}") not in stems]
        size = self._bad_lines.stat().st_size if self._bad_lines in own else 0
        if size < self.progress.bad_line_bytes:
            lost.append(BAD_LINES)
        if lost:
            raise BulkUsage(f"{self._path / lost[0]}: it is missing or cut off; start over in a new folder")
        if size:
            os.truncate(self._bad_lines, self.progress.bad_line_bytes)

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
            with renamed_when_complete(self._bad_lines) as bad_lines, renamed_when_complete(self._path) as rows:
                yield rows, bad_lines
            if not self._bad_lines.stat().st_size:
                self._bad_lines.unlink()
            return
        with TemporaryFile(dir=self._path) as bad_lines:
            with renamed_when_complete(self._path / f"part-{self.progress.parts:05}.{format_}") as rows:
                yield rows, bad_lines
                if not (self._path / JOB).exists():  # or --resume refuses a part that it does not know
                    self._save(self.progress)
            if bad_lines.tell():
                bad_lines.seek(0)
                with self._bad_lines.open("ab") as all_bad_lines:
                    shutil.copyfileobj(bad_lines, all_bad_lines)

    def _save(self, progress: JobState) -> None:
        self.progress = progress
        if not self.single:
            with renamed_when_complete(self._path / JOB) as file:
                file.write(to_json({"job": self._job, "progress": self.progress}, indent=2))


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
