"""Where chunks are scored: processes on this machine, or tasks on a Ray cluster."""

import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from ..model.errors import PackageMissing, SentimentError
from ..model.packages import how_to_install
from ..records import CHUNK_BYTES, Chunk
from .scoring import Scored, Scoring, score_or_error

STOPPING = {signal.SIGINT, signal.SIGTERM}


class Pool(NamedTuple):
    """Scores chunks concurrently."""

    workers: int  # how many at a time
    chunk_bytes: int  # size of the chunks of text to submit
    submit: Callable[[str, Chunk], Callable[[], Scored | SentimentError]]
    """Starts `score_or_error`, and returns a function that waits for its result."""


@contextmanager
def local_processes(scoring: Scoring, workers: int) -> Iterator[Pool]:
    """Score in processes on this machine, started afresh because TensorFlow does not survive a fork.

    Each worker has a pipe of its own, and threads wait for the results. Workers share no lock or queue, so one that
    dies cannot hold up the others or this process: its pipe ends. An executor of the standard library would wait
    forever for a worker that is killed while it sends a result.
    """
    spawn = multiprocessing.get_context("spawn")
    processes: list[BaseProcess] = []
    idle: SimpleQueue[tuple[BaseProcess, Connection]] = SimpleQueue()
    threads = ThreadPoolExecutor(workers)
    resource_tracker.ensure_running()  # or the first `start` does that, and Python 3.11 then unblocks the signals

    def start_worker() -> None:
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=_work, args=(scoring, theirs))
        # The worker inherits the blocked signals: they are for this process, which ends its workers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            process.start()
            processes.append(process)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        idle.put((process, ours))

    def score(text: str, chunk: Chunk) -> Scored | SentimentError:
        process, connection = worker = idle.get()
        try:
            connection.send((text, chunk))
            result: Scored | SentimentError = connection.recv()
        except (EOFError, OSError):
            process.join(1)
            died = f"a worker process died (exit code {process.exitcode})"
            return SentimentError(f"{died}, perhaps for lack of memory; try fewer --workers")
        finally:
            idle.put(worker)
        return result

    def submit(text: str, chunk: Chunk) -> Callable[[], Scored | SentimentError]:
        if len(processes) < workers:
            start_worker()
        return threads.submit(score, text, chunk).result

    try:
        yield Pool(workers, CHUNK_BYTES, submit)
    finally:
        for process in processes:
            process.kill()  # they hold nothing, and this ends the waiting of the threads
        threads.shutdown(cancel_futures=True)
        for process in processes:
            process.join()


def _work(scoring: Scoring, connection: Connection) -> None:
    """Score chunks until the main process ends, however it does."""
    with suppress(EOFError, ConnectionError):
        while True:
            connection.send(score_or_error(scoring, *connection.recv()))


@contextmanager
def ray_tasks(scoring: Scoring, workers: int | None, address: str) -> Iterator[Pool]:
    """Score in tasks on a Ray cluster, which retries them if a node dies.

    The code of `app` and the bundle are sent along; the packages are not.

    Args:
        scoring: How to score.
        workers: Number of tasks at a time; None for one per core of the cluster.
        address: Of the cluster's head, or `auto`.

    Raises:
        SentimentError: The cluster cannot be reached.
        PackageMissing: Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
    try:
        import ray
    except ImportError as error:
        raise PackageMissing(f"--ray needs Ray; {how_to_install('ray')}") from error
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    bundle = Path("bundle", scoring.bundle.name)
    with tempfile.TemporaryDirectory(prefix="sentiment-ray-") as folder:
        code = Path(folder, __package__.partition(".")[0])
        shutil.copytree(Path(__file__).parent.parent, code, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(scoring.bundle, folder / bundle)
        try:
            if address != "auto":  # Ray itself would try for minutes
                host, port = address.removeprefix("ray://").rsplit(":", 1)
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(address=address, runtime_env={"working_dir": folder}, log_to_driver=False, logging_level="error")
        except (OSError, RuntimeError, ValueError) as error:
            raise SentimentError(
                f"--ray {address}: no cluster answers ({type(error).__name__}). Start one with `ray start --head`, "
                "and run the command on one of its machines"
            ) from error
    for number, handler in handlers.items():  # Ray replaces them
        signal.signal(number, handler)
    # Tasks run in the folder that Ray unpacks on each node.
    shared = ray.put(replace(scoring, bundle=bundle))
    score = ray.remote(score_or_error)

    def submit(text: str, chunk: Chunk) -> Callable[[], Scored | SentimentError]:
        reference = score.remote(shared, text, chunk)

        def result() -> Scored | SentimentError:
            try:
                scored: Scored | SentimentError = ray.get(reference)
            except ray.exceptions.RayError as error:
                return SentimentError(f"the Ray cluster failed ({type(error).__name__}); `ray status` may say why")
            return scored

        return result

    # Ray sends arguments and results below 100 kB with the task. Larger ones go through the object stores of the
    # nodes, and sometimes took a second.
    chunk_bytes = 64 << 10
    try:
        yield Pool(workers or max(int(ray.cluster_resources().get("CPU", 1)), 1), chunk_bytes, submit)
    finally:
        ray.shutdown()
