"""The output folder: who may write to it, what is committed, and when it is complete.

    OUTPUT/
      part-00000-00000.csv    the scored rows of a chunk: number of the file, number of the chunk in it
      _bad_rows.jsonl         the rows that cannot be scored, with the reasons; written last
      _manifest.json          what was done, by which model; there if and only if the job is complete
      _job/                   for the job itself: its lock, its plan, its journal, files that are not committed yet

Readers of folders (Arrow, Spark, pandas) pass over names that begin with an underscore.

One process commits. Workers leave complete files in `_job/staging`; a chunk is committed by renaming them to their
places and then writing a line to the journal, each on disk before the next step. A chunk counts as done if and only if
its line is in the journal; until then it is scored again, and its files replace those of the earlier attempt. So a job
may be killed at any moment, and a chunk may be scored twice at a time, by workers that do not know of each other.
"""

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from app.bulk.disk import settle
from app.bulk.errors import JobDiffers, OutputForeign, OutputInUse, OutputUnwritable
from app.bulk.job import Job
from app.bulk.plan import Chunk, Unread
from app.bulk.work import Outcome

MANIFEST = "_manifest.json"
BAD_ROWS = "_bad_rows.jsonl"
OWN = "_job"


class Plan(BaseModel):
    """A job's chunks, and what could not even be planned."""

    job: Job
    chunks: tuple[Chunk, ...]
    unread: tuple[Unread, ...]


class Done(BaseModel):
    """A committed chunk, as the journal holds it; see `Outcome`."""

    chunk: int
    scored: int
    bad: int
    unread: tuple[Unread, ...]


class Output:
    """The output folder of a job, locked; see `locked`.

    Attributes:
        folder: OUTPUT.
        staging: Where workers leave complete files.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = folder / OWN
        self.staging = self._own / "staging"
        self._sides = self._own / "bad"
        self._journal = self._own / "journal.jsonl"
        self._plan = self._own / "plan.json"

    @property
    def manifest(self) -> dict[str, Any] | None:
        """What the manifest says, if the job is complete."""
        path = self.folder / MANIFEST
        if not path.exists():
            return None
        manifest: dict[str, Any] = json.loads(path.read_bytes())
        return manifest

    def planned(self, job: Job) -> Plan | None:
        """The plan of an earlier run of this job; None if there was none.

        Raises:
            JobDiffers: There is one of another job.
        """
        if not self._plan.exists():
            return None
        try:
            plan = Plan.model_validate_json(self._plan.read_bytes())
        except ValidationError:
            raise JobDiffers(self.folder, ["the version of app.bulk is another one"]) from None
        if differences := job.differences(plan.job):
            raise JobDiffers(self.folder, differences)
        return plan

    def begin(self, plan: Plan) -> None:
        """Write the plan of a new job."""
        write_whole(self._plan, plan.model_dump_json().encode())

    def clear(self) -> None:
        """Delete everything that an earlier job wrote, its plan last."""
        for path in (self.folder / MANIFEST, self.folder / BAD_ROWS, self._journal, *self.folder.glob("part-*")):
            path.unlink(missing_ok=True)
        self._plan.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make the folders for work, and throw away what earlier workers left uncommitted."""
        shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir(parents=True, exist_ok=True)
        self._sides.mkdir(exist_ok=True)

    def done(self) -> list[Done]:
        """The committed chunks. A last line that was cut off by a crash is none, and is taken away."""
        if not self._journal.exists():
            return []
        content = self._journal.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_whole(self._journal, whole)
        return [Done.model_validate_json(line) for line in whole.splitlines()]

    def part_name(self, plan: Plan, chunk: Chunk) -> str:
        """The name of a chunk's part."""
        source = plan.job.sources[chunk.source]
        return f"part-{chunk.source:05}-{chunk.part:05}.{plan.job.format_of(source)}"

    def commit(self, plan: Plan, outcome: Outcome) -> None:
        """Put a chunk's files into their places, then note it in the journal.

        Raises:
            OSError: The system refused; the chunk is not committed.
        """
        chunk = plan.chunks[outcome.chunk]
        if outcome.part:
            outcome.part.rename(self.folder / self.part_name(plan, chunk))
        if outcome.side:
            outcome.side.rename(self._sides / f"{chunk.number:08}.jsonl")
        settle(self.folder)
        settle(self._sides)
        done = Done(chunk=outcome.chunk, scored=outcome.scored, bad=outcome.bad, unread=outcome.unread)
        with self._journal.open("ab") as journal:
            journal.write(done.model_dump_json().encode() + b"\n")
            journal.flush()
            os.fsync(journal.fileno())

    def finish(self, plan: Plan, done: Sequence[Done], manifest: dict[str, Any]) -> None:
        """Write the side file and the manifest: the job is complete.

        Args:
            plan: The job's plan.
            done: Its chunks, in any order.
            manifest: What the manifest is to say.
        """
        unread = unread_of(plan, done)
        lines = (
            json.dumps({"file": item.file, "row": item.row, "rows": item.rows, "reason": item.reason}) + "\n"
            for item in unread
        )
        with_bad = sorted(one.chunk for one in done if one.bad)
        if with_bad or unread:
            pieces = ((self._sides / f"{number:08}.jsonl").read_bytes() for number in with_bad)
            write_whole(self.folder / BAD_ROWS, chain(pieces, map(str.encode, lines)))
        write_whole(self.folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False).encode() + b"\n")
        shutil.rmtree(self._sides, ignore_errors=True)
        shutil.rmtree(self.staging, ignore_errors=True)


def unread_of(plan: Plan, done: Iterable[Done]) -> list[Unread]:
    """What could not be read, by the planner or by a worker, in the order of the input, whoever was done first."""
    place = {source.name: i for i, source in enumerate(plan.job.sources)}
    unread = [*plan.unread, *(item for one in done for item in one.unread)]
    return sorted(unread, key=lambda item: (place[item.file], item.row))


@contextmanager
def locked(folder: Path) -> Iterator[Output]:
    """Lock an output folder for as long as the block lasts; makes it if it is not there.

    Raises:
        OutputForeign: It holds something, but not what a bulk job writes.
        OutputInUse: Another process holds the lock.
        OutputUnwritable: The system refused.
    """
    own = folder / OWN
    try:
        if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not own.is_dir())):
            raise OutputForeign(f"{folder}: not empty, and no output of app.bulk. Name a new or an empty folder")
        own.mkdir(parents=True, exist_ok=True)
        with (own / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise OutputInUse(
                    f"{folder}: another job is writing here ({lock.read().strip() or 'unknown'}). Wait for it, or "
                    "name another OUTPUT"
                ) from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            lock.flush()
            yield Output(folder)
    except OSError as error:
        raise OutputUnwritable(Path(error.filename or folder), error.strerror or str(error)) from error


def write_whole(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file so that it is there with all of its content, or not at all."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    with staged.open("wb") as file:
        for piece in (content,) if isinstance(content, bytes) else content:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    staged.rename(path)
    settle(path.parent)
