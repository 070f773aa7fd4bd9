"""Folders that are written completely or not at all."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOPPING = (signal.SIGTERM, signal.SIGHUP)
"""Sent by process managers, and by a terminal that is closed."""


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `target` when the block ends, and is removed if the block fails.

    The folder is created next to the target, so that the last step is a rename within one file system. Meanwhile,
    signals that would end this process raise KeyboardInterrupt, as Ctrl-C does.

    Raises:
        FileExistsError: The target exists.
        OSError: Writing failed, for example because the disk is full.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    fatal = [number for number in STOPPING if signal.getsignal(number) == signal.SIG_DFL]
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for number in fatal:
            signal.signal(number, signal.default_int_handler)
        yield staging
        staging.chmod(0o755)  # mkdtemp makes it private; a service running as another user must be able to read it
        staging.rename(target)
    finally:
        for number in fatal:
            signal.signal(number, signal.SIG_IGN)  # a second one must not leave half of the folder
        shutil.rmtree(staging, ignore_errors=True)
        for number in fatal:
            signal.signal(number, signal.SIG_DFL)
