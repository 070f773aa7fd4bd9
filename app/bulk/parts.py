"""A folder of parts, which can be continued.

    scored/
      part-00000.csv    one part per fixed number of input rows, in order
      _bad_lines.jsonl  lines that could not be parsed; only if there are any
      _job.json         what the job is and how far it has come
      _job.lock         locked while a job is running

A part is written under a temporary name, then renamed. `_job.json` is written after that, so what it counts is there.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from app.bulk.errors import BulkUsage
from app.bulk.output import (
    BAD_LINES,
    JobState,
    Output,
    check_regular,
    locked,
    remove_temporaries,
    renamed_when_complete,
)
from app.records import Format

JOB, LOCK = "_job.json", "_job.lock"
OWN = rf"part-\d{{5,}}\.(csv|jsonl|parquet)|{BAD_LINES}|{JOB}"
"""Names of the files of a job; all others belong to somebody else and stay."""


class Parts(Output):
    """A new folder of parts, or that of a stopped job.

    Args:
        path: OUTPUT.
        job: What the job is, as JSON values: a stopped job is continued only if this is the same.
    """

    single = False
    advice = "to continue, run the same command with --resume"

    def __init__(self, path: Path, job: dict[str, Any]) -> None:
        super().__init__(path)
        self._job = job

    @contextmanager
    def opened(self, resume: bool, _overwrite: bool) -> Iterator[None]:
        """See `Output`."""
        with locked(self.path / LOCK, self.path, self.advice):
            if resume and (self.path / JOB).exists():
                self._continue()
            elif existing := [path for path in self.path.iterdir() if path.name != LOCK and path.name[0] != "."]:
                if self.path / JOB not in existing:
                    (self.path / LOCK).unlink()  # somebody else's folder stays as it was
                raise BulkUsage(f"{existing[0]}: exists already; choose a new folder, or --resume for a stopped job")
            remove_temporaries(self.path, OWN)
            yield

    def _continue(self) -> None:
        own = [path for path in self.path.iterdir() if re.fullmatch(OWN, path.name)]
        for path in own:
            check_regular(path)
        try:
            state = from_json((self.path / JOB).read_bytes())
            changes = [name for name, value in self._job.items() if state["job"].get(name) != value]
            self.progress = TypeAdapter(JobState).validate_python(state["progress"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BulkUsage(f"{self.path / JOB}: it is damaged; start over in a new folder") from error
        if changes:
            raise BulkUsage(f"{self.path}: a job with another {', '.join(changes)}; start over in a new folder")
        stems = {path.stem for path in own}
        lost = [name for number in range(self.progress.parts) if (name := f"part-{number:05}") not in stems]
        bad_lines = self.path / BAD_LINES
        size = bad_lines.stat().st_size if bad_lines in own else 0
        if size < self.progress.bad_line_bytes:
            lost.append(BAD_LINES)
        if lost:
            raise BulkUsage(f"{self.path / lost[0]}: it is missing or cut off; start over in a new folder")
        if size:
            os.truncate(bad_lines, self.progress.bad_line_bytes)

    @contextmanager
    def _part(self, format_: Format) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        with TemporaryFile(dir=self.path) as bad_lines:
            with renamed_when_complete(self.path / f"part-{self.progress.parts:05}.{format_}") as rows:
                yield rows, bad_lines
                if not (self.path / JOB).exists():  # or --resume refuses a part that it does not know
                    self._save(self.progress)
            if bad_lines.tell():
                bad_lines.seek(0)
                with (self.path / BAD_LINES).open("ab") as all_bad_lines:
                    shutil.copyfileobj(bad_lines, all_bad_lines)

    def _save(self, progress: JobState) -> None:
        super()._save(progress)
        with renamed_when_complete(self.path / JOB) as file:
            file.write(to_json({"job": self._job, "progress": self.progress}, indent=2))
