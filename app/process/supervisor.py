"""The supervisor of several workers: it starts, replaces and stops them, and decides what they serve.

It never waits for a single worker. SIGTERM and SIGINT stop the service; a second one kills the workers. SIGHUP
verifies the bundles; if they or the API keys are other ones, it replaces the workers one by one, if the first new one
can serve the bundles. A worker that cannot start is tried again after a pause, while the others go on.
"""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from prometheus_client.multiprocess import mark_process_dead

from ..bundles.reading import BundleId
from ..model.errors import SentimentError
from ..service import reloaded
from ..settings import Settings
from ..telemetry import shared
from ..telemetry.metrics import Metrics
from .hangup import HangUp
from .listener import Listener, WorkerState
from .server import run_server

TICK = 0.1  # seconds until a signal is noticed
SILENCE = 30.0  # seconds without a sign of life after which a worker is killed and replaced
START_TIMEOUT = 300.0  # seconds to become ready; long, as killing a worker that only loads slowly would never end
MAX_PAUSE = 60.0  # seconds until the next try to start a worker; the first pause is 1 s, each further one twice as long
STOP_MARGIN = 4.0  # seconds to stop, besides the drain period and the shutdown timeout, after which a worker is killed

log = logging.getLogger(__name__)
spawn = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork


class Target(NamedTuple):
    """What a worker is to serve. The settings contain the API keys, so that all workers know the same ones."""

    settings: Settings
    bundles: Sequence[BundleId]


@dataclass(eq=False)
class Worker:
    """A worker process, what it serves, its state in shared memory, and until when it has to be ready or stopped."""

    process: BaseProcess
    target: Target
    state: WorkerState
    start_by: float
    stop_by: float = inf

    @property
    def ready(self) -> bool:
        """Whether it has become ready to serve."""
        return bool(self.state.seen)

    @property
    def overdue(self) -> bool:
        """Whether it hangs, or takes too long to start or stop."""
        return time.monotonic() > min(self.stop_by, self.state.seen + SILENCE if self.ready else self.start_by)

    @property
    def log_fields(self) -> dict[str, int | None]:
        """What log lines say about it."""
        return {"pid": self.process.pid, "exit_code": self.process.exitcode}


class Supervisor:
    """See the module docstring.

    Raises:
        SentimentError: The system has no shared memory.
    """

    def __init__(self, wanted: Target, sock: socket.socket, metrics: Metrics, hang_up: HangUp) -> None:
        self._sock, self._metrics, self._hang_up = sock, metrics, hang_up
        self._wanted = wanted  # what new workers get; SIGHUP may change it
        self._count = wanted.settings.workers
        self._served: Target | None = None  # what a worker was able to serve
        self._reloading = False
        self._workers: dict[int, Worker] = {}  # by the index of their state, the oldest first
        try:
            self._states = spawn.RawArray(WorkerState, self._count + 1)  # one more, to replace one by one
        except OSError as error:
            raise SentimentError(
                f"the workers cannot share memory ({error}). Make /dev/shm writable, or set SENTIMENT_WORKERS=1"
            ) from error
        self._stops: list[int] = []  # signals that ask to stop
        self._pause = self._next_start = 0.0

    def run(self) -> int:
        """Run until a signal stops the service; returns the exit code, see `serve`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self._stops.append(number))
        try:
            for _ in range(self._count):
                self._start()
            while (self._workers or self._served) and not self._stops:
                self._poll()
                if self._hang_up.reload:
                    self._hang_up.reload = False
                    self._reload()
                if self._served and not self._stops:
                    self._replace()
            return 0 if self._stops else 1
        except Exception:
            log.exception("the supervisor failed, so the service stops")
            self._stops.append(signal.SIGTERM)
            return 1
        finally:
            self._stop()

    def _start(self) -> None:
        slot = next(slot for slot in range(len(self._states)) if slot not in self._workers)
        self._states[slot] = WorkerState()
        listener = Listener(self._sock, self._states, slot)
        process = spawn.Process(target=run_server, args=(*self._wanted, listener), daemon=True)  # ends with this one
        # Ctrl-C reaches all processes of a terminal, also those that cannot handle it yet. SIGHUP is not for workers.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        try:
            shared.reserve(str(slot))
            process.start()
            self._workers[slot] = Worker(process, self._wanted, self._states[slot], time.monotonic() + START_TIMEOUT)
        except (SentimentError, OSError) as error:
            self._postpone(reason=str(error))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGHUP})

    def _poll(self) -> None:
        """See what has become of the workers; returns at once if one has ended, otherwise after a moment."""
        wait([worker.process.sentinel for worker in self._workers.values()], TICK)
        self._metrics.count_dropped_lines()
        for slot, worker in [*self._workers.items()]:
            if worker.overdue:
                log.error("worker hangs", extra=worker.log_fields)
                worker.process.kill()
                worker.process.join(TICK)
            if not worker.process.is_alive():
                del self._workers[slot]
                worker.state.accepting = False
                mark_process_dead(slot)  # drops its gauges
                if worker.stop_by == inf:
                    self._died(worker)
            elif worker.ready and (worker.target == self._wanted or not self._served):
                self._served = worker.target

    def _died(self, worker: Worker) -> None:
        if worker.ready:
            log.warning("worker died", extra=worker.log_fields)
            self._metrics.restarts.inc()
            self._pause = 0.0
        elif self._served and worker.target == self._wanted != self._served:
            self._reject("a worker could not serve the new bundles; its own log line says why", **worker.log_fields)
        else:
            self._postpone(**worker.log_fields)

    def _postpone(self, **fields: object) -> None:
        self._pause = min(max(1.0, 2 * self._pause), MAX_PAUSE)
        self._next_start = time.monotonic() + self._pause
        if self._served:  # otherwise the service ends, unless another worker starts
            fields["next_try_seconds"] = self._pause
        log.error("worker did not start", extra=fields)

    def _replace(self) -> None:
        """Start or stop one worker, so that in the end the right number serves the wanted bundles."""
        current = [worker for worker in self._workers.values() if worker.stop_by == inf]
        outdated = [worker for worker in current if worker.target != self._wanted]
        if len(current) < self._count:
            if time.monotonic() >= self._next_start:
                self._start()
        elif not all(worker.ready for worker in current):
            pass
        elif len(current) > self._count:
            self._retire([*outdated, *current][0], signal.SIGTERM)
        elif len(self._workers) > self._count:
            pass  # until the retired worker has ended, to save memory
        elif outdated and time.monotonic() >= self._next_start:
            self._start()
        elif self._reloading and not outdated:
            self._reloading = False
            self._metrics.reloaded(loaded=True)
            log.info("reloaded", extra={"bundles": {each.folder.name: each.digest for each in self._wanted.bundles}})

    def _reload(self) -> None:
        try:
            settings, bundles = reloaded(self._wanted.settings)
        except SentimentError as error:
            self._reject(str(error))
        else:
            self._wanted = Target(settings, [BundleId(bundle.folder, bundle.digest) for bundle in bundles])
            self._reloading, self._next_start = True, 0.0

    def _reject(self, reason: str, **fields: object) -> None:
        self._wanted, self._reloading = self._served or self._wanted, False
        self._metrics.reloaded(loaded=False)
        log.error("reload rejected", extra={"reason": reason, **fields})

    def _retire(self, worker: Worker, number: signal.Signals) -> None:
        """Have a worker finish its requests and stop; SIGINT skips the drain period."""
        settings = worker.target.settings
        drain = 0 if number == signal.SIGINT else settings.drain
        worker.stop_by = time.monotonic() + drain + settings.shutdown_timeout + STOP_MARGIN
        if not worker.ready:
            worker.process.kill()  # it has nothing to finish
        elif worker.process.pid is not None and worker.process.is_alive():
            os.kill(worker.process.pid, number)

    def _stop(self) -> None:
        self._sock.close()  # from now on, only the workers have it open
        for worker in self._workers.values():
            self._retire(worker, signal.Signals(self._stops[0]))
        while self._workers:
            if len(self._stops) > 1:
                for worker in self._workers.values():
                    worker.process.kill()
            self._poll()
