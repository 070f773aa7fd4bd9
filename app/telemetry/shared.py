"""The folder in which several workers share their metrics.

prometheus-client maps files of this folder into memory. They are sparse, and writing to a new page while the disk is
full would kill the process (SIGBUS). So each process fills its files with zeros before prometheus-client opens them,
and the folder is in memory if possible.
https://prometheus.github.io/client_python/multiprocess/
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from app.inference.errors import SentimentError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder; must be set before prometheus-client is imported."""

PARENTS = (Path("/dev/shm"), None)  # noqa: S108 - only for the names; `mkdtemp` creates a private folder
"""Where to create the folder, the best place first; None is the default folder for temporary files."""

NAME = "sentiment-workers-"
"""First part of the folder's name."""

KINDS = ("counter", "gauge_livemax", "gauge_livesum", "histogram")
"""First part of the file names that prometheus-client uses for our metrics; the second part is the process id."""

RESERVED = 1 << 19
"""Bytes per file: enough for all routes, methods and statuses, and for about ten versions of the model."""


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
        folder = _new_folder(processes * len(KINDS) * RESERVED, stack)
        os.environ[FOLDER] = str(folder)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield


def _new_folder(size: int, lock: ExitStack) -> Path:
    reasons = []
    for parent in PARENTS:
        folder = None
        try:
            _remove_leftovers(parent or Path(tempfile.gettempdir()))
            folder = Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=parent))
            lock.enter_context(_locked(folder))
            probe = folder / "probe"
            probe.write_bytes(bytes(size))
            probe.unlink()
        except OSError as error:
            reasons.append(str(error))
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        else:
            return folder
    raise no_room("; ".join(reasons))


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
            with suppress(FileExistsError), (folder / f"{kind}_{os.getpid()}.db").open("xb") as reserved:
                reserved.write(bytes(RESERVED))
    except OSError as error:
        for file in folder.glob(f"*_{os.getpid()}.db"):
            file.unlink()
        raise no_room(str(error)) from error


def forget_worker(pid: int | None) -> None:
    """Drop the gauges of a worker that has died, and free what its other files have reserved but not used."""
    from prometheus_client.multiprocess import mark_process_dead

    folder = Path(os.environ[FOLDER])
    with suppress(OSError):  # something has removed the folder, or the disk is full
        mark_process_dead(pid)
        for file in folder.glob(f"*_{pid}.db"):
            copy = file.with_suffix(".copy")
            content = file.read_bytes()
            copy.write_bytes(content.rstrip(b"\0"))
            os.truncate(copy, len(content))
            copy.replace(file)
