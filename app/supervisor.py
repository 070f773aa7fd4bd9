"""Several workers that share a port: kept running, and stopped in order."""

import os
import signal
import socket
import time
from pathlib import Path

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from app.metrics.recorder import FOLDER, SUPERVISOR, Recorder
from app.server import Server, turn_newcomers_away

LEAD = 0.03
"""Seconds by which the supervisor closes its door before the workers close theirs; they wait if it is late."""


class Worker(multiprocess.Process):
    """One of several server processes."""

    @property
    def server(self) -> Server:
        """Made in the worker itself."""
        if self._server is None:
            self._server = Server(self.config)
        assert isinstance(self._server, Server)
        return self._server


class Supervisor(multiprocess.Multiprocess):
    """Keeps the workers running: replaces those that end, and passes signals on.

    Args:
        config: For every worker.
        sockets: That they share.
        drain: Seconds that they go on answering after they were asked to stop.
        folder: Where the workers keep what they count, for all of them to see.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], drain: float, folder: Path) -> None:
        multiprocess.Process = Worker  # type: ignore[misc]  # uvicorn names no other way to choose it
        super().__init__(config, sockets)
        self._drain = drain
        self.recorder = Recorder(folder / SUPERVISOR)
        os.environ[FOLDER] = str(folder)

    def run(self) -> int:  # type: ignore[override]
        """Run until a signal, or until a worker cannot serve.

        Returns:
            The exit code: 0 stopped as asked, 1 a worker could not load the bundle.
        """
        super().run()
        return 1 if any(process.exitcode == STARTUP_FAILURE for process in self.processes) else 0

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended."""
        before = [process.pid for process in self.processes]
        super().keep_subprocess_alive()
        now = {process.pid for process in self.processes}
        for _ in set(before) - now:
            self.recorder.restarted()
        self.recorder.inherit(now)

    def terminate_all(self) -> None:
        """Ask the workers to stop."""
        if self._drain <= LEAD:
            self._close_door()
        self.signal_queue.clear()  # before anybody can see that they stop, and send another one
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers; a further signal ends them at once."""
        closing = time.monotonic() + self._drain - LEAD
        while alive := [process.process for process in self.processes if process.process.is_alive()]:
            if time.monotonic() > closing:
                self._close_door()
            if {signal.SIGTERM, signal.SIGINT} & set(self.signal_queue):
                for process in alive:  # again and again: one that has not looked at the first signal yet sees only one
                    process.terminate()
            time.sleep(LEAD / 3)
        super().join_all()

    def _close_door(self) -> None:
        """Before the workers stop listening; whoever came later would find a socket that nobody accepts from."""
        while self.sockets:
            listener = self.sockets.pop()
            turn_newcomers_away(listener)
            listener.close()
