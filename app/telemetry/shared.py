"""The files in which several workers share their metrics.

prometheus-client maps them into memory. They are sparse, and writing to a new page while the disk is full would kill
the process (SIGBUS). So they are filled with zeros before they are used, and are in memory if possible. They are named
after slots instead of processes: a worker in the slot of a dead one continues its counts, and no file is left behind.
https://prometheus.github.io/client_python/multiprocess/
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..model.errors import SentimentError

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable in which prometheus-client looks for the folder."""

IN_MEMORY = "/dev/shm"  # noqa: S108 - a private folder is created in it

KINDS = ("counter", "gauge_livemax", "gauge_livesum", "histogram")
"""First part of the file names that prometheus-client uses for our metrics; the second part is the slot."""

RESERVED = 1 << 19
"""Bytes per file: enough for all routes, methods and statuses, and for ten versions of the model, replaced ones too."""


@contextmanager
def shared_metrics(slots: Sequence[str]) -> Iterator[None]:
    """Create the folder with the files of all slots, name it in the environment, and remove it after the block.

    Raises:
        SentimentError: There is not enough room.
    """
    size = len(slots) * len(KINDS) * RESERVED
    try:
        fits = os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= size
        parent = IN_MEMORY if fits else None
        folder = TemporaryDirectory(prefix=f"sentiment-metrics-{os.getpid()}-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise _no_room(error) from error
    with folder as name:
        os.environ[FOLDER] = name
        for slot in slots:
            reserve(slot)
        yield


def reserve(slot: str) -> None:
    """Create the files of a slot that do not exist, before a process uses it.

    Raises:
        SentimentError: The disk is full, or the folder cannot be created again after something has removed it.
    """
    folder = Path(os.environ[FOLDER])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        for kind in KINDS:
            file = folder / f"{kind}_{slot}.db"
            if not file.exists():
                reserved = file.with_suffix(".new")  # a scrape must not read an empty file
                reserved.write_bytes(bytes(RESERVED))
                reserved.rename(file)
    except OSError as error:
        raise _no_room(error) from error


def remove_folder() -> None:
    """Remove the folder of a supervisor that was killed."""
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


def _no_room(error: OSError) -> SentimentError:
    return SentimentError(
        f"there is no room for the workers' metrics ({error}). Free some space in /dev/shm or in the folder for "
        "temporary files, or set SENTIMENT_WORKERS=1"
    )
