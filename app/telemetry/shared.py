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
from tempfile import mkdtemp

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
    with _enough_room():
        fits = os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free >= size
        os.environ[FOLDER] = mkdtemp(prefix=f"sentiment-metrics-{os.getpid()}-", dir=IN_MEMORY if fits else None)
    try:
        for slot in slots:
            reserve(slot)
        yield
    finally:
        remove_folder()


@contextmanager
def _enough_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SentimentError(
            f"there is no room for the workers' metrics ({error}). Free some space in /dev/shm or in the folder for "
            "temporary files, or set SENTIMENT_WORKERS=1"
        ) from error


@_enough_room()
def reserve(slot: str) -> None:
    """Create the files of a slot that do not exist, before a process uses it.

    Raises:
        SentimentError: The disk is full, or the folder cannot be created again after something has removed it.
    """
    folder = Path(os.environ[FOLDER])
    folder.mkdir(mode=0o700, exist_ok=True)
    for kind in KINDS:
        file = folder / f"{kind}_{slot}.db"
        if not file.exists():
            reserved = file.with_suffix(".new")  # a scrape must not read an empty file
            reserved.write_bytes(bytes(RESERVED))
            reserved.rename(file)


def remove_folder() -> None:
    """Remove the folder with the files of all slots."""
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
