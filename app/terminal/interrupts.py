"""Ctrl-C ends a command at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""The exit code, as a shell would have it."""


@contextmanager
def quiet_interrupts() -> Iterator[None]:
    """Let SIGINT end the process while the block runs: nothing has to be cleaned up, and a traceback tells nothing."""
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(_: int, __: FrameType | None) -> None:
    os._exit(INTERRUPTED)
