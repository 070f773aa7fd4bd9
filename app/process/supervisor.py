"""The supervisor of several worker processes that share a port."""

import os
import signal
import time
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from app.inference.errors import SentimentError
from app.process.server import Server, Terminal
from app.telemetry.metrics import Metrics
from app.telemetry.shared import forget_worker

log = structlog.get_logger()


class Worker(Process):
    """A process that runs our server."""

    @cached_property
    def server(self) -> Server:
        """The server, created in the worker process."""
        return Server(self.config)


class Supervisor(Multiprocess):
    """Keeps the workers running: replaces those that die, and forwards signals.

    Args:
        config: Configures every worker.
        metrics: Counts restarts and rejected reloads.
        new_app: Verifies the bundles that the settings name now, and returns a function that creates their app.
    """

    def __init__(self, config: Config, metrics: Metrics, new_app: Callable[[], Callable[[], Any]]) -> None:
        self._terminal = Terminal()
        super().__init__(config, [config.bind_socket()])
        self._metrics = metrics
        self._new_app = new_app
        self._apps = [config.app]
        self.failed = False
        metrics.workers.set(config.workers)

    def init_processes(self) -> None:
        """Start the workers."""
        self.processes = [self._start() for _ in range(self.config.workers)]

    def _start(self) -> Worker:
        worker = Worker(copy(self.config), self.sockets)  # a reload changes the app of later workers
        worker.start()
        return worker

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died or hang; stop if one cannot start, as its replacement could not either."""
        for i, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(timeout=self.config.timeout_worker_healthcheck):
                continue
            worker.kill()
            worker.join()
            forget_worker(worker.pid)
            if worker.exitcode == STARTUP_FAILURE:
                if worker.config.app == self._apps[0]:
                    self.failed = True
                    self.should_exit.set()
                    return
                if worker.config.app == self._apps[-1]:  # the other workers have rejected these bundles, too
                    self._apps.pop()
                    self.config.app = self._apps[-1]
            log.warning("worker died", pid=worker.pid, exit_code=worker.exitcode)
            self._metrics.restarts.inc()
            self.processes[i] = self._start()

    def handle_int(self) -> None:
        """Stop without a drain period: workers that have received SIGINT skip it on SIGTERM."""
        self._signal_workers(signal.SIGINT)
        self.should_exit.set()

    def handle_hup(self) -> None:
        """Have all workers reload the model, and start later ones with it; stop if the terminal was closed."""
        if self._terminal.closed:
            self.should_exit.set()
            return
        try:
            app = self._new_app()
        except SentimentError as error:
            log.error("reload rejected", reason=str(error))
            self._metrics.reloaded(loaded=False)
            return
        self._apps.append(app)
        self.config.app = app
        self._signal_workers(signal.SIGHUP)

    def _signal_workers(self, number: signal.Signals) -> None:
        for worker in self.processes:
            if worker.process.is_alive() and worker.pid is not None:
                os.kill(worker.pid, number)

    def handle_ttin(self) -> None:
        """Ignore the signal: SENTIMENT_WORKERS sets the number of workers."""

    handle_ttou = handle_ttin

    def terminate_all(self) -> None:
        """Ask the workers to stop; from now on, only they have the listening sockets open."""
        self.signal_queue.clear()
        for sock in self.sockets:
            sock.close()
        super().terminate_all()

    def join_all(self) -> None:
        """Wait for the workers; a second signal kills them."""
        while running := [worker for worker in self.processes if worker.process.is_alive()]:
            if {signal.SIGTERM, signal.SIGINT} & set(self.signal_queue):
                for worker in running:
                    worker.kill()
            time.sleep(0.02)
