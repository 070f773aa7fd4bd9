"""The files that a job writes: parts, bad lines, and its state.

    scored/
      part-00000.csv    one part per fixed number of input rows, in order; or a single file if OUTPUT names one
      _bad_lines.jsonl  lines that could not be parsed; only if there are any
      _job.json         what the job is and how far it has come
      _job.lock         locked while a job is running

A part is written under a temporary name, then renamed. `_job.json` is written after that, so what it counts is there.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from pydantic_core import to_json

from app.bulk.errors import BulkError, BulkUsage
from app.bulk.scoring import Scored, Scoring, csv_line
from app.records import Layout, format_of, import_pyarrow

JOB, LOCK, BAD_LINES = "_job.json", "_job.lock", "_bad_lines.jsonl"


@dataclass
class JobState:
    """Progress of a job; only finished parts count.

    Attributes:
        parts: Finished parts.
        rows: Rows in them.
        errors: How many of these could not be scored.
        bad_lines: Lines that could not be parsed.
        bad_line_bytes: Size of the file with them.
        complete: Whether the job is complete.
    """

    parts: int = 0
    rows: int = 0
    errors: int = 0
    bad_lines: int = 0
    bad_line_bytes: int = 0
    complete: bool = False


class Output:
    """A folder of parts, or a single file.

    Args:
        path: OUTPUT; a file if its name has a known suffix.
        job: What the job is, as JSON values: a stopped job is continued only if this is the same.

    Attributes:
        progress: How far the job has come.
    """

    def __init__(self, path: Path, job: dict[str, Any]) -> None:
        self.path = path
        self._job = job
        self.is_file = format_of(path) is not None
        self._bad_lines = path.with_name(f"{path.name}{BAD_LINES}") if self.is_file else path / BAD_LINES
        self.progress = JobState()

    @contextmanager
    def opened(self, resume: bool, overwrite: bool) -> Iterator[None]:
        """Lock the output and, with `resume`, read how far the job has come.

        Raises:
            BulkUsage: Another job is running here, or has left something.
            BulkError: The system refused to write.
        """
        lock = self.path.with_name(f".{self.path.name}.lock") if self.is_file else self.path / LOCK
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with lock.open("w") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise BulkUsage(f"{self.path}: another job is writing here") from error
                self._begin(resume, overwrite)
                yield
            if self.is_file:
                lock.unlink()
        except OSError as error:
            raise BulkError(
                f"{self.path}: {error.strerror or error}; finished parts stay, --resume continues"
            ) from error

    def _begin(self, resume: bool, overwrite: bool) -> None:
        if self.is_file:
            existing = [self.path] if self.path.exists() else []
        else:
            existing = [path for path in self.path.iterdir() if path.name != LOCK]
        if resume and not self.is_file and (self.path / JOB).exists():
            state = json.loads((self.path / JOB).read_text())
            if changes := [name for name, value in self._job.items() if state["job"].get(name) != value]:
                raise BulkUsage(
                    f"{self.path}: it belongs to a job with another {', '.join(changes)}; --overwrite starts over"
                )
            self.progress = JobState(**state["progress"])
            if self._bad_lines.exists():
                os.truncate(self._bad_lines, self.progress.bad_line_bytes)
            return
        if existing and not overwrite:
            advice = "" if self.is_file else "--resume continues a stopped job, "
            raise BulkUsage(f"{existing[0]}: exists already; {advice}--overwrite starts over")
        for path in existing:
            if path.name in (JOB, BAD_LINES) or path.name.startswith("part-"):
                path.unlink()
        self._bad_lines.unlink(missing_ok=True)

    def write_part(self, scoring: Scoring, layout: Layout, scored: Iterable[tuple[str, Scored]]) -> None:
        """Write the next part, whole or not at all, and record that it is finished.

        Args:
            scoring: How it was scored.
            layout: Of the input.
            scored: Its chunks in order, each with the name of the input file.
        """
        path = self.path if self.is_file else self.path / f"part-{self.progress.parts:05}.{layout.format}"
        progress = replace(self.progress, parts=self.progress.parts + 1)
        bad_lines: list[bytes] = []
        with _renamed_when_complete(path) as file:
            if layout.format == "csv":
                file.write(_header(scoring, layout))
            with _writing(layout, file) as write:
                for name, chunk in scored:
                    if chunk.rows:
                        write(chunk.content)
                    progress.rows += chunk.rows
                    progress.errors += chunk.errors
                    bad_lines += [to_json({"file": name, **line._asdict()}) + b"\n" for line in chunk.bad_lines]
        if bad_lines:
            progress.bad_lines += len(bad_lines)
            with self._bad_lines.open("ab") as others:
                others.writelines(bad_lines)
            progress.bad_line_bytes = self._bad_lines.stat().st_size
        self._save(progress)

    def complete(self) -> None:
        """Record that the job is complete."""
        self._save(replace(self.progress, complete=True))

    def _save(self, progress: JobState) -> None:
        self.progress = progress
        if not self.is_file:
            with _renamed_when_complete(self.path / JOB) as file:
                file.write(to_json({"job": self._job, "progress": asdict(progress)}, indent=2))


def _header(scoring: Scoring, layout: Layout) -> bytes:
    kept = layout.header.rstrip("\r\n") if scoring.keep is None else csv_line(scoring.keep, layout.separator)
    return f"{layout.separator.join([*([kept] if kept else []), *scoring.added])}\n".encode()


@contextmanager
def _writing(layout: Layout, file: IO[bytes]) -> Iterator[Callable[[Any], object]]:
    """Yield a function that writes the content of a chunk."""
    if layout.format != "parquet":
        yield file.write
        return
    writer: Any = None

    def write(batch: Any) -> None:
        nonlocal writer
        if writer is None:
            writer = import_pyarrow().parquet.ParquetWriter(file, batch.schema)
        writer.write_batch(batch)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _renamed_when_complete(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; it gets its own when the block ends, and is deleted if the block fails."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
