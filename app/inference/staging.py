"""Folders that are written completely or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `target` when the block ends, and is removed if the block fails.

    The folder is created next to the target, so that the last step is a rename within one file system.

    Raises:
        FileExistsError: The target exists.
        OSError: Writing failed, for example because the disk is full.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield staging
        staging.chmod(0o755)  # mkdtemp makes it private; a service running as another user must be able to read it
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
