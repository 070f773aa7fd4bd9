"""A folder of parts, which can be continued.

    scored/
      part-00000.csv    one part per fixed number of input rows, in order
      _bad_lines.jsonl  lines that could not be parsed; only if there are any
      _job.json         what the job is and how far it has come
      _job.lock         locked while a job is running
      _new/             the same of a job that will replace all this when it ends; then `_ready/`

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
NEW, READY = "_new", "_ready"
"""Folders of a job that replaces another: until it ends, and while its files are moved up."""
OWN = rf"part-\d{{5,}}\.(csv|jsonl|parquet)|{BAD_LINES}|{JOB}"
"""Names of the files of a job; all others belong to somebody else and stay."""


def _own_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if re.fullmatch(OWN, path.name)]


class Parts(Output):
    """A folder of parts. If it has old ones, new ones are written to a folder inside, and replace them at the end.

    Args:
        path: OUTPUT.
        job: What the job is, as JSON values: a stopped job is continued only if this is the same.
    """

    single = False

    def __init__(self, path: Path, job: dict[str, Any]) -> None:
        super().__init__(path)
        self._job = job
        self._folder = path

    def advice(self, overwrite: bool) -> str:
        """See `Output`."""
        if not (self._folder / JOB).exists():
            return super().advice(overwrite)
        return f"to continue, run the same command with --resume{' instead of --overwrite' if overwrite else ''}"

    @contextmanager
    def opened(self, resume: bool, overwrite: bool) -> Iterator[None]:
        """See `Output`."""
        with locked(self.path / LOCK, self.path, "; finished parts stay, --resume continues"):
            self._begin(resume, overwrite)
            yield

    def _begin(self, resume: bool, overwrite: bool) -> None:
        new, ready = self.path / NEW, self.path / READY
        for folder in (self.path, new, ready):
            if folder.is_dir():
                remove_temporaries(folder, OWN)
                for path in _own_files(folder):
                    check_regular(path)
        for folder in filter(os.path.lexists, (new, ready)):
            if folder.is_symlink() or not folder.is_dir() or len(_own_files(folder)) < len(list(folder.iterdir())):
                raise BulkUsage(f"{folder}: this program did not write it; move it away")
        if ready.exists():
            self._move_up()
        self._folder = new if resume and (new / JOB).exists() else self.path
        if resume and (self._folder / JOB).exists():
            self._continue()
            return
        existing = [path for path in self.path.iterdir() if path.name != LOCK and path.name[0] != "."]
        if existing and not overwrite:
            raise BulkUsage(f"{existing[0]}: exists already; --resume continues a stopped job, --overwrite starts over")
        if not (self.path / JOB).exists() and not (new / JOB).exists() and (foreign := _own_files(self.path)):
            raise BulkUsage(f"{foreign[0]}: this program did not write it; move it away")
        if existing:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            self._folder = new
            self._save(self.progress)

    def _continue(self) -> None:
        try:
            state = from_json((self._folder / JOB).read_bytes())
            changes = [name for name, value in self._job.items() if state["job"].get(name) != value]
            self.progress = TypeAdapter(JobState).validate_python(state["progress"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BulkUsage(f"{self._folder / JOB}: it is damaged; --overwrite starts over") from error
        if changes:
            raise BulkUsage(
                f"{self.path}: it belongs to a job with another {', '.join(changes)}; --overwrite starts over"
            )
        stems = {path.stem for path in _own_files(self._folder)}
        lost = [name for number in range(self.progress.parts) if (name := f"part-{number:05}") not in stems]
        bad_lines = self._folder / BAD_LINES
        size = bad_lines.stat().st_size if bad_lines.exists() else 0
        if size < self.progress.bad_line_bytes:
            lost.append(BAD_LINES)
        if lost:
            raise BulkUsage(f"{self._folder / lost[0]}: it is missing or cut off; restore it, or use --overwrite")
        if size:
            os.truncate(bad_lines, self.progress.bad_line_bytes)
        if self.progress.complete:
            self._replace_old()

    @contextmanager
    def _part(self, format_: Format) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        with TemporaryFile(dir=self._folder) as bad_lines:
            with renamed_when_complete(self._folder / f"part-{self.progress.parts:05}.{format_}") as rows:
                yield rows, bad_lines
                if not (self._folder / JOB).exists():  # or --resume refuses a part that it does not know
                    self._save(self.progress)
            if bad_lines.tell():
                bad_lines.seek(0)
                with (self._folder / BAD_LINES).open("ab") as all_bad_lines:
                    shutil.copyfileobj(bad_lines, all_bad_lines)

    def _save(self, progress: JobState) -> None:
        super()._save(progress)
        with renamed_when_complete(self._folder / JOB) as file:
            file.write(to_json({"job": self._job, "progress": self.progress}, indent=2))

    def finish(self) -> None:
        """Record that nothing is left to do, and replace what an earlier job has written."""
        super().finish()
        self._replace_old()

    def _replace_old(self) -> None:
        if self._folder != self.path:
            for path in _own_files(self.path):
                path.unlink()
            self._folder.rename(self.path / READY)  # from here on, files with such names are new
            self._move_up()

    def _move_up(self) -> None:
        ready = self.path / READY
        for path in sorted(ready.iterdir(), key=lambda path: path.name == JOB):  # the state last
            path.rename(self.path / path.name)
        ready.rmdir()
