"""Files that are whole or not there, and that only this program may replace."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import BulkUsage


@contextmanager
def locked(lock: Path, output: Path) -> Iterator[None]:
    """Keep other jobs away from an output; the lock is there only meanwhile.

    Raises:
        BulkUsage: Another job is writing.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    check_regular(lock)
    with lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BulkUsage(f"{output}: another job is writing here") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def check_regular(path: Path) -> None:
    """Reject what this program cannot have written: a link, a folder, a pipe.

    Raises:
        BulkUsage: It exists and is not a regular file.
    """
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise BulkUsage(f"{path}: not a regular file; move it away, or write to another path")


@contextmanager
def renamed_when_complete(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a temporary name; it gets its own when the block ends, and is deleted if the block fails.

    No other job may be writing it.
    """
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
