"""The memory that a server takes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import Server


@contextmanager
def taking_at_most(size: int, server: Server) -> Iterator[None]:
    """Check that the server's peak of resident memory during the block is at most `size` bytes above what it was."""
    process = Path("/proc") / str(server.process.pid)
    if not (process / "clear_refs").exists():
        pytest.skip("/proc has no peak memory here")
    (process / "clear_refs").write_text("5")  # resets the peak
    before = _peak(process)
    yield
    assert _peak(process) - before <= size


def _peak(process: Path) -> int:
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    return int(kilobytes) * 1024
