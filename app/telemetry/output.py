"""Standard output, written by a thread, so that a reader that stops reading holds up nothing but the log."""

import atexit
import os
import time
from collections.abc import Iterator
from functools import cache
from queue import SimpleQueue
from select import PIPE_BUF, select
from threading import Event, Thread

import structlog

STDOUT = 1
ROOM = 2_000_000  # characters that wait to be written; the thread itself may hold as many again
PAUSE = 0.02  # seconds between the first line and writing it, so that busy workers write many lines at once
PATIENCE = 1.0  # seconds to write the last lines before the process ends

log = structlog.get_logger()


class Output:
    """Writes lines in their order. Lines that do not fit are dropped, as are those that cannot be written.

    Attributes:
        dropped: Lines dropped since the start.
    """

    def __init__(self) -> None:
        self.dropped = self._reported = 0
        self._room = ROOM
        self._lines: SimpleQueue[str | Event] = SimpleQueue()
        Thread(target=self._run, name="log", daemon=True).start()
        atexit.register(self.finish)

    def write(self, line: str) -> None:
        """Write a line, which is given without its end; returns at once."""
        if self._room > 0:
            self._room -= len(line)
            self._lines.put(line)
        else:
            self.dropped += 1

    debug = info = warning = error = critical = write  # what structlog calls

    def finish(self) -> None:
        """Wait until all lines so far have been written, but not long."""
        finished = Event()
        self._lines.put(finished)
        finished.wait(PATIENCE)

    def _run(self) -> None:
        while True:
            taken = [self._lines.get()]
            time.sleep(PAUSE)
            while not self._lines.empty():
                taken.append(self._lines.get())
            lines = [line.encode(errors="backslashreplace") + b"\n" for line in taken if isinstance(line, str)]
            written = [self._write(block) for block in _blocks(lines)]
            self._room = ROOM
            if all(written) and self.dropped > self._reported:
                number, self._reported = self.dropped - self._reported, self.dropped
                log.warning("log lines dropped", lines=number)
            for finished in taken:
                if isinstance(finished, Event):
                    finished.set()

    def _write(self, block: list[bytes]) -> bool:
        rest = b"".join(block)
        try:
            while rest:
                try:
                    rest = rest[os.write(STDOUT, rest) :]
                except BlockingIOError:  # another process has made the pipe non-blocking
                    select([], [STDOUT], [])
        except OSError:  # a full disk or a closed pipe
            self.dropped += len(block)
        return not rest


def _blocks(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Group lines into blocks of at most PIPE_BUF bytes: several workers may share a pipe, which never splits those."""
    block: list[bytes] = []
    size = 0
    for line in lines:
        if size + len(line) > PIPE_BUF:
            yield block
            block, size = [], 0
        block.append(line)
        size += len(line)
    yield block


@cache
def standard_output() -> Output:
    """Return the only writer of this process's standard output."""
    return Output()
