"""Where chunks are scored: processes on this machine, or tasks on a Ray cluster."""

import multiprocessing
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

from app.bulk.errors import BulkError
from app.bulk.scoring import Scored, Scoring, score
from app.records import CHUNK_BYTES, Chunk, PackageMissing

WORKER_DIED = "a worker process died, perhaps for lack of memory; try fewer --workers"

CHECK_INTERVAL = 5.0
"""Seconds to wait for a result before checking that the workers are alive."""


class Pool(Protocol):
    """Scores chunks concurrently.

    Attributes:
        workers: How many at a time.
        chunk_bytes: Size of the chunks of text to submit.
    """

    workers: int
    chunk_bytes: int

    def submit(self, text: str, chunk: Chunk) -> Callable[[], Scored]:
        """Start to score a chunk; see `scoring.score`.

        Returns:
            A function that waits for the result and returns it.
        """
        ...

    def close(self) -> None:
        """Stop; what has not started is dropped."""
        ...


class ProcessPool:
    """Processes on this machine, started afresh because TensorFlow does not survive a fork.

    Args:
        scoring: How to score.
        workers: Number of processes.
    """

    chunk_bytes = CHUNK_BYTES

    def __init__(self, scoring: Scoring, workers: int) -> None:
        self.workers = workers
        self._scoring = scoring
        context = multiprocessing.get_context("spawn")
        self._processes: set[BaseProcess] = set()
        self._executor = ProcessPoolExecutor(workers, context, initializer=_prepare_worker)

    def submit(self, text: str, chunk: Chunk) -> Callable[[], Scored]:
        """See `Pool`."""
        # Workers start here and inherit the blocked signal: Ctrl-C is for this process, even while they import.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            future = self._executor.submit(score, self._scoring, text, chunk)
        except BrokenProcessPool as error:
            raise BulkError(WORKER_DIED) from error
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return lambda: self._result(future)

    def _result(self, future: Future[Scored]) -> Scored:
        while True:
            self._processes.update(multiprocessing.active_children())
            try:
                return future.result(timeout=CHECK_INTERVAL)
            except BrokenProcessPool as error:
                raise BulkError(WORKER_DIED) from error
            except TimeoutError:
                if not all(process.is_alive() for process in self._processes):
                    # It died while sending a result, and the executor waits for the rest forever, even at exit.
                    sys.stderr.write(f"error: {WORKER_DIED}\n")
                    os._exit(1)

    def close(self) -> None:
        """See `Pool`."""
        self._executor.shutdown(cancel_futures=True)


def _prepare_worker() -> None:
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End this process if its parent is killed; it would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
            raise PackageMissing(
                "--ray needs Ray; in a clone, install it with `.venv/bin/python -m pip install -r requirements/ray.txt`"
            ) from error
        self._ray: Any = ray
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        with tempfile.TemporaryDirectory(prefix="sentiment-ray-") as folder:
            shutil.copytree(
                Path(__file__).parent.parent, Path(folder, "app"), ignore=shutil.ignore_patterns("__pycache__")
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
        self._score = ray.remote(score)

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
