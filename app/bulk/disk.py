"""What must be on disk before the next step may be taken."""

import os
from pathlib import Path


def settle(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on disk.

    A rename must never show a file whose content is not there, and the journal never name one that is not in its place.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
