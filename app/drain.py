"""SIGTERM: stop getting traffic first, stop serving later."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def draining_on_sigterm(begin: Callable[[], None], seconds: float) -> Iterator[None]:
    """Hold the server's own SIGTERM handler back for a while.

    The first SIGTERM calls `begin` and, `seconds` later, the handler that was in force before. A second one calls that
    handler at once. Outside the main thread, where signals cannot be caught, nothing changes.

    Args:
        begin: Makes readiness fail; called on the event loop.
        seconds: How long balancers get to notice.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    previous = signal.getsignal(signal.SIGTERM)
    begun = False

    def stop(number: int, frame: FrameType | None) -> None:
        if callable(previous):
            previous(number, frame)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal begun
        if begun or seconds == 0:
            loop.call_soon_threadsafe(begin)
            stop(number, frame)
        else:
            begun = True
            loop.call_soon_threadsafe(begin)
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, frame)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
