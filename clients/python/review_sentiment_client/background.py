"""An event loop in a thread of its own, for callers that block."""

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Runs coroutines for any number of threads.

    Only asyncio can end every kind of wait at a deadline: a blocking socket has a timeout for each read, so a server
    that sends one byte per second could hold its caller for hours.

    The thread starts with the first coroutine, so that the process may fork before it. It ends when the object is
    closed or garbage collected, and never keeps the process alive.

    Args:
        finish: Called in the event loop when the thread ends.
    """

    def __init__(self, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._finish = finish
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closed = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of a coroutine.

        Raises:
            RuntimeError: It is closed, or its thread was lost when the process forked.
        """
        try:
            with self._lock:
                future = asyncio.run_coroutine_threadsafe(coroutine, self._started())
        except RuntimeError:
            coroutine.close()
            raise
        try:
            return future.result()
        except BaseException:  # KeyboardInterrupt, for example
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what is running and end the thread."""
        with self._lock:
            self._closed = True
        if self._thread is not None and self._loop is not None and self._thread.is_alive():
            _stop(self._loop)
            self._thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._closed or (self._thread is not None and not self._thread.is_alive()):
            raise RuntimeError("The client was closed, or used before the process forked. Create another one.")
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # The thread must not refer to this object, or it would be used forever.
            self._thread = Thread(target=_serve, args=(self._loop, self._finish), daemon=True, name="sentiment-client")
            self._thread.start()
            weakref.finalize(self, _stop, self._loop)
        return self._loop


def _serve(loop: asyncio.AbstractEventLoop, finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop.run_forever()
    loop.run_until_complete(_end(finish))
    loop.close()


async def _end(finish: Callable[[], Coroutine[Any, Any, None]]) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await finish()


def _stop(loop: asyncio.AbstractEventLoop) -> None:
    with suppress(RuntimeError):  # it is closed already
        loop.call_soon_threadsafe(loop.stop)
