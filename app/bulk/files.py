"""Files that are whole or not there, and that only this program may replace."""

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.bulk.errors import BulkUsage


@contextmanager
def locked(lock: Path, output: Path) -> Iterator[None]:
    """Keep other jobs away from an output.

    Raises:
        BulkUsage: Another job is writing, or the lock is not one of this program.
    """
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
