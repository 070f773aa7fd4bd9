"""Standard output, written by a thread, so that a reader that stops reading holds up nothing but the log."""

import atexit
import logging
import os
import time
from functools import cache
from queue import SimpleQueue
from select import PIPE_BUF
from threading import Event, Thread

STDOUT = 1
ROOM = 2_000_000  # characters that wait to be written; the thread itself may hold as many again
PAUSE = 0.1  # seconds between the first line and writing it: waking the thread is what costs time, so it is rare
PATIENCE = 1.0  # seconds to write the last lines before the process ends

log = logging.getLogger(__name__)


class Output:
    """Writes lines in their order; drops and counts those that do not fit or cannot be written."""

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

    def finish(self) -> None:
        """Wait until all lines so far have been written, but at most PATIENCE."""
        finished = Event()
        self._lines.put(finished)
        finished.wait(PATIENCE)

    def _run(self) -> None:
        while True:
            taken = [self._lines.get()]
            time.sleep(PAUSE)
            while not self._lines.empty():
                taken.append(self._lines.get())
            blocks = [b""]  # a pipe, which several workers may share, keeps PIPE_BUF bytes together
            for line in taken:
                if isinstance(line, str):
                    encoded = line.encode(errors="backslashreplace") + b"\n"
                    if len(blocks[-1]) + len(encoded) > PIPE_BUF:
                        blocks.append(b"")
                    blocks[-1] += encoded
            written = [self._write(block) for block in blocks]
            self._room = ROOM
            if all(written) and self.dropped > self._reported:
                number, self._reported = self.dropped - self._reported, self.dropped
                log.warning("log lines dropped", extra={"lines": number})
            for finished in taken:
                if isinstance(finished, Event):
                    finished.set()

    def _write(self, block: bytes) -> bool:
        try:
            while block:
                block = block[os.write(STDOUT, block) :]
        except OSError:  # a full disk or a closed pipe
            self.dropped += block.count(b"\n")
        return not block


@cache
def standard_output() -> Output:
    """Return the only writer of this process's standard output."""
    return Output()
