"""The supervisor of several workers: it starts, replaces and stops them, and decides which bundles they serve.

It never waits for a single worker. SIGTERM and SIGINT stop the service; a second one kills the workers. SIGHUP replaces
the workers one by one, provided that the first new one can serve the new bundles. A worker that cannot start is tried
again after a pause, while the others go on.
"""

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from math import inf
from multiprocessing.connection import wait
from types import FrameType

import structlog
from prometheus_client.multiprocess import mark_process_dead

from app.inference.bundle import BundleId, identify_bundles, load_bundle
from app.inference.errors import SentimentError
from app.process.listener import Listener, WorkerState
from app.process.server import run_server
from app.process.terminal import Terminal
from app.settings import Settings
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics

TICK = 0.1
"""Maximum seconds until a signal or the end of a worker is noticed."""

SILENCE = 30.0
"""Seconds without a sign of life after which a worker is killed and replaced."""

MAX_PAUSE = 60.0
"""Maximum seconds until the next try to start a worker; the first pause is a second, each further one twice as long."""

STOP_MARGIN = 4.0
"""Seconds that a worker may take to stop, besides its drain period and shutdown timeout; then it is killed."""

STOPPING = {signal.SIGTERM, signal.SIGINT}

log = structlog.get_logger()
spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork


class Worker:
    """A worker process.

    Args:
        process: The process; it is started here.
        bundles: The bundles that it serves.
        state: Its state, in shared memory.
    """

    def __init__(
        self, process: multiprocessing.process.BaseProcess, bundles: Sequence[BundleId], state: WorkerState
    ) -> None:
        self.process, self.bundles, self._state = process, bundles, state
        self.retiring = False
        self._stop_by = inf
        state.accepting, state.connections, state.seen = False, 0, 0.0
        # Ctrl-C reaches all processes of a terminal, also those that cannot handle it yet. SIGHUP is not for workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGHUP})

    @property
    def ready(self) -> bool:
        """Whether it has become ready to serve."""
        return bool(self._state.seen)

    @property
    def overdue(self) -> bool:
        """Whether it hangs, or takes too long to stop."""
        return time.monotonic() > min(self._stop_by, self._state.seen + SILENCE if self.ready else inf)

    def retire(self, number: signal.Signals, seconds: float) -> None:
        """Have it stop within so many seconds; one that is not ready has nothing to finish."""
        self.retiring, self._stop_by = True, time.monotonic() + seconds
        if not self.ready:
            self.process.kill()
        elif self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, number)

    def left(self) -> None:
        """Record that the process has ended: nothing should be left to it any more."""
        self._state.accepting = False
        mark_process_dead(self.process.pid)


class Supervisor:
    """See the module docstring.

    Args:
        settings: The settings.
        listener: The bound socket, which the workers share.
        metrics: Counts restarts and reloads.

    Raises:
        BundleNotFound: There are no bundles to serve.
    """

    def __init__(self, settings: Settings, listener: socket.socket, metrics: Metrics) -> None:
        self._settings, self._listener, self._metrics = settings, listener, metrics
        self._states = spawn.RawArray(WorkerState, settings.workers + 1)  # one more, to replace workers one by one
        self._free = list(range(len(self._states)))
        self._workers: dict[int, Worker] = {}  # by the index of their state, the oldest first
        self._wanted: Sequence[BundleId] = identify_bundles(settings.model_dir, settings.model_version)
        self._served: Sequence[BundleId] = ()  # what a worker was able to serve
        self._reloading = False
        self._signals: list[int] = []
        self._pause = self._next_start = 0.0
        metrics.workers.set(settings.workers)

    def run(self) -> int:
        """Run until a signal stops the service.

        Returns:
            The exit code: 0 after a signal, 1 if no worker could start.
        """
        self._terminal = Terminal()
        for number in (*STOPPING, signal.SIGHUP):
            signal.signal(number, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        for _ in range(self._settings.workers):
            self._start()
        while not STOPPING & set(self._signals):
            self._wait()
            if not self._served and not self._workers:
                return 1
            if signal.SIGHUP in self._signals:
                self._hang_up()
            if self._served:
                self._replace()
        self._stop(signal.Signals(next(number for number in self._signals if number in STOPPING)))
        return 0

    def _note(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _start(self) -> None:
        slot = self._free.pop()
        arguments = (self._settings, self._wanted, self._listener, self._states, slot)
        process = spawn.Process(target=run_worker, args=arguments)
        self._workers[slot] = Worker(process, self._wanted, self._states[slot])

    def _wait(self) -> None:
        """Wait a moment for something to happen to the workers."""
        wait([worker.process.sentinel for worker in self._workers.values()], TICK)
        for slot, worker in [*self._workers.items()]:
            if worker.overdue:
                log.error("worker hangs", pid=worker.process.pid)
                worker.process.kill()
                worker.process.join(TICK)
            if not worker.process.is_alive():
                worker.left()
                del self._workers[slot]
                self._free.append(slot)
                if not worker.retiring:
                    self._died(worker)
            elif worker.ready and worker.bundles == self._wanted:
                self._served = self._wanted

    def _died(self, worker: Worker) -> None:
        facts = {"pid": worker.process.pid, "exit_code": worker.process.exitcode}
        if worker.ready:
            log.warning("worker died", **facts)
            self._metrics.restarts.inc()
            self._pause = 0.0
        elif self._served and worker.bundles == self._wanted != self._served:
            self._reject("no worker can serve the new bundles; its log line says why", **facts)
        else:
            self._pause = min(max(1.0, 2 * self._pause), MAX_PAUSE)
            self._next_start = time.monotonic() + self._pause
            log.error("worker did not start", **facts, next_try_seconds=self._pause)

    def _replace(self) -> None:
        """Start or retire one worker, so that in the end all serve the wanted bundles."""
        current = [worker for worker in self._workers.values() if not worker.retiring]
        outdated = [worker for worker in current if worker.bundles != self._wanted]
        if len(current) < self._settings.workers:
            if time.monotonic() >= self._next_start:
                self._start()
        elif not all(worker.ready for worker in current):
            return
        elif len(current) > self._settings.workers:
            self._retire([*outdated, *current][0])
        elif len(self._workers) > self._settings.workers:
            return  # one at a time, for the sake of memory
        elif outdated:
            self._start()
        elif self._reloading:
            self._reloading = False
            self._metrics.reloaded(loaded=True)
            log.info("reloaded", bundles={bundle.folder.name: bundle.digest for bundle in self._served})

    def _retire(self, worker: Worker, number: signal.Signals = signal.SIGTERM) -> None:
        drain = 0 if number == signal.SIGINT else self._settings.drain
        worker.retire(number, drain + self._settings.shutdown_timeout + STOP_MARGIN)

    def _hang_up(self) -> None:
        """Find out which bundles to serve from now on; stop if the terminal was closed."""
        while signal.SIGHUP in self._signals:
            self._signals.remove(signal.SIGHUP)
        if self._terminal.closed:
            self._signals.append(signal.SIGTERM)
            return
        try:
            self._wanted = identify_bundles(self._settings.model_dir, self._settings.model_version)
            self._reloading, self._next_start = True, 0.0
        except SentimentError as error:
            self._reject(str(error))

    def _reject(self, reason: str, **facts: object) -> None:
        self._wanted, self._reloading = self._served, False
        self._metrics.reloaded(loaded=False)
        log.error("reload rejected", reason=reason, **facts)

    def _stop(self, number: signal.Signals) -> None:
        """Stop all workers: SIGTERM grants them the drain period. From now on, only they have the socket open."""
        self._listener.close()
        for worker in self._workers.values():
            self._retire(worker, number)
        while self._workers:
            if sum(number in STOPPING for number in self._signals) > 1:
                for worker in self._workers.values():
                    worker.process.kill()
            self._wait()


def run_worker(
    settings: Settings, bundles: Sequence[BundleId], sock: socket.socket, states: Sequence[WorkerState], slot: int
) -> None:
    """Run a worker: serve exactly these bundles, or exit with 1."""
    configure_logs(settings.log_level, settings.log_format)
    try:
        loaded = [load_bundle(bundle.folder, bundle.digest) for bundle in bundles]
    except SentimentError as error:
        log.error("cannot serve", reason=str(error))
        sys.exit(1)
    sys.exit(run_server(settings, loaded, Metrics(), Listener(sock, states, slot)))
