"""Where chunks are scored: processes on this machine, or tasks on a Ray cluster."""

import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from ..model.errors import PackageMissing
from ..model.packages import how_to_install
from ..records import CHUNK_BYTES, Chunk
from .errors import BulkError
from .scoring import Scored, Scoring, score_chunk

STOPPING = {signal.SIGINT, signal.SIGTERM}


class Pool(Protocol):
    """Scores chunks concurrently.

    Attributes:
        workers: How many at a time.
        chunk_bytes: Size of the chunks of text to submit.
    """

    workers: int
    chunk_bytes: int

    def submit(self, text: str, chunk: Chunk) -> Callable[[], Scored]:
        """Start to score a chunk; see `scoring.score_chunk`.

        Returns:
            A function that waits for the result and returns it.
        """
        ...

    def close(self) -> None:
        """Stop; what has not started is dropped."""
        ...


class ProcessPool:
    """Processes on this machine, started afresh because TensorFlow does not survive a fork.

    Each worker has a pipe of its own, and threads wait for the results. Workers share no lock or queue, so one that
    dies cannot hold up the others or this process: its pipe ends.

    Args:
        scoring: How to score.
        workers: Number of processes.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, scoring: Scoring, workers: int) -> None:
        self.workers = workers
        self._scoring = scoring
        self._processes: list[BaseProcess] = []
        self._idle: SimpleQueue[tuple[BaseProcess, Connection]] = SimpleQueue()
        self._threads = ThreadPoolExecutor(workers)

    def submit(self, text: str, chunk: Chunk) -> Callable[[], Scored]:
        """See `Pool`."""
        if len(self._processes) < self.workers:
            self._start_worker()
        return self._threads.submit(self._score, pickle.dumps((text, chunk))).result

    def _start_worker(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self._scoring, theirs))
        resource_tracker.ensure_running()  # `start` would do that, and Python 3.11 then unblocks the signals
        # The worker inherits the blocked signals: they are for this process, which ends its workers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            process.start()
            self._processes.append(process)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._idle.put((process, ours))

    def _score(self, task: bytes) -> Scored:
        process, connection = worker = self._idle.get()
        try:
            connection.send_bytes(task)
            result = connection.recv_bytes()
        except (EOFError, OSError) as error:
            process.join(1)
            died = f"a worker process died (exit code {process.exitcode})"
            raise BulkError(f"{died}, perhaps for lack of memory; try fewer --workers") from error
        finally:
            self._idle.put(worker)
        scored: Scored | BulkError = pickle.loads(result)  # noqa: S301 - from our own worker
        if isinstance(scored, BulkError):
            raise scored
        return scored

    def close(self) -> None:
        """See `Pool`."""
        for process in self._processes:
            process.kill()  # they hold nothing, and this ends the waiting of the threads
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.join()


def _work(scoring: Scoring, connection: Connection) -> None:
    """Score chunks until the main process ends, however it does."""
    with suppress(EOFError, ConnectionError):
        while True:
            text, chunk = connection.recv()
            try:
                result: Scored | BulkError = score_chunk(scoring, text, chunk)
            except BulkError as error:
                result = error
            connection.send(result)


class RayPool:
    """Tasks on a Ray cluster, which retries them if a node dies.

    The code of `app` and the bundle are sent along; the packages are not.

    Args:
        scoring: How to score.
        workers: Number of tasks at a time; None for one per core of the cluster.
        address: Of the cluster's head, or `auto`.

    Raises:
        BulkError: The cluster cannot be reached.
        PackageMissing: Ray is not installed.
    """

    chunk_bytes = 64 << 10
    """Ray sends arguments and results below 100 kB with the task. Larger ones go through the object stores of the
    nodes, and sometimes took a second."""

    def __init__(self, scoring: Scoring, workers: int | None, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
        try:
            import ray
        except ImportError as error:
            raise PackageMissing(f"--ray needs Ray; {how_to_install('ray')}") from error
        self._ray: Any = ray
        handlers = {number: signal.getsignal(number) for number in STOPPING}
        with tempfile.TemporaryDirectory(prefix="sentiment-ray-") as folder:
            shutil.copytree(
                Path(__file__).parent.parent,
                Path(folder, __package__.partition(".")[0]),
                ignore=shutil.ignore_patterns("__pycache__"),
            )
            shutil.copytree(scoring.bundle, Path(folder, "bundle", scoring.bundle.name))
            try:
                if address != "auto":  # Ray itself would try for minutes
                    host, port = address.removeprefix("ray://").rsplit(":", 1)
                    socket.create_connection((host, int(port)), timeout=10).close()
                ray.init(
                    address=address, runtime_env={"working_dir": folder}, log_to_driver=False, logging_level="error"
                )
            except (OSError, RuntimeError, ValueError) as error:
                raise BulkError(
                    f"--ray {address}: no cluster answers ({type(error).__name__}). Start one with `ray start --head`, "
                    "and run the command on one of its machines"
                ) from error
        for number, handler in handlers.items():  # Ray replaces them
            signal.signal(number, handler)
        self.workers = workers or max(int(ray.cluster_resources().get("CPU", 1)), 1)
        # Relative to the folder that Ray unpacks on each node, in which tasks run.
        self._scoring = ray.put(replace(scoring, bundle=Path("bundle", scoring.bundle.name)))
        self._score = ray.remote(score_chunk)

    def submit(self, text: str, chunk: Chunk) -> Callable[[], Scored]:
        """See `Pool`."""
        result = self._score.remote(self._scoring, text, chunk)
        return lambda: self._result(result)

    def _result(self, reference: Any) -> Scored:
        try:
            scored: Scored = self._ray.get(reference)
        except BulkError:
            raise
        except self._ray.exceptions.RayError as error:
            raise BulkError(f"the Ray cluster failed ({type(error).__name__}); `ray status` may say why") from error
        return scored

    def close(self) -> None:
        """See `Pool`."""
        self._ray.shutdown()
