"""The folder in which several workers share their metrics.

prometheus-client maps files of this folder into memory. They are sparse, and writing to a new page while the disk is
full would kill the process (SIGBUS). So each process fills its files with zeros before prometheus-client opens them,
and the folder is in memory if possible.
https://prometheus.github.io/client_python/multiprocess/
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.model.errors import SentimentError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder; must be set before prometheus-client is imported."""

NAME = "sentiment-workers-"
"""First part of the folder's name."""

KINDS = ("counter", "gauge_livemax", "gauge_livesum", "histogram")
"""First part of the file names that prometheus-client uses for our metrics; the second part is the process id."""

RESERVED = 1 << 19
"""Bytes per file: enough for all routes, methods and statuses, and for about ten versions of the model."""

VALUE = 16
"""Bytes of a value, with which a file ends; they may be zeros."""


def no_room(reason: str) -> SentimentError:
    """Make the error for metrics that do not fit into any folder."""
    return SentimentError(
        f"there is no room for the workers' metrics ({reason}). Free some space in /dev/shm or in the folder for "
        "temporary files, or set SENTIMENT_WORKERS=1"
    )


@contextmanager
def shared_metrics(processes: int) -> Iterator[None]:
    """Create the folder, name it in the environment, and remove it after the block.

    Args:
        processes: Number of processes that will share it at a time.

    Raises:
        SentimentError: No folder has enough room.
    """
    with ExitStack() as stack:
        try:
            parent = _parent_with(processes * len(KINDS) * RESERVED)
            folder = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=parent))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_locked(folder))
        except OSError as error:
            raise no_room(str(error)) from error
        os.environ[FOLDER] = str(folder)
        yield


def _parent_with(size: int) -> Path:
    """Choose where to create the folder: in memory, or else where temporary files are."""
    for parent in map(Path, ("/dev/shm", tempfile.gettempdir())):  # noqa: S108 - `mkdtemp` creates a private folder
        _remove_leftovers(parent)
        if os.access(parent, os.W_OK) and shutil.disk_usage(parent).free >= size:
            return parent
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _remove_leftovers(parent: Path) -> None:
    """Remove this user's folders of supervisors that were killed."""
    for folder in parent.glob(f"{NAME}*"):
        with suppress(OSError), _locked(folder) as descriptor:  # an error: it is in use, a link, or not ours
            if os.fstat(descriptor).st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Lock a folder, which is no link, while the block or this process lasts; other containers see the lock, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def reserve() -> None:
    """Reserve this process's files; call it before creating metrics.

    Raises:
        SentimentError: The disk is full, or the folder cannot be created again after something has removed it.
    """
    folder = Path(os.environ[FOLDER])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for kind in KINDS:
            file = folder / f"{kind}_{os.getpid()}.db"
            if not file.exists():  # a dead worker may have had the same process id
                reserved = file.with_suffix(".new")  # a scrape must not read an empty file
                reserved.write_bytes(bytes(RESERVED))
                reserved.rename(file)
    except OSError as error:
        raise no_room(str(error)) from error


def forget_worker(pid: int | None) -> None:
    """Drop the gauges of a worker that has died, and free what its other files have reserved but not used."""
    from prometheus_client.multiprocess import mark_process_dead

    with suppress(OSError):  # something has removed the folder
        mark_process_dead(pid)
        for file in Path(os.environ[FOLDER]).glob(f"*_{pid}.*"):
            os.truncate(file, len(file.read_bytes().rstrip(b"\0")) + VALUE)
