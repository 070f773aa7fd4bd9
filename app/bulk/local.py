"""Workers as processes of this machine. One that dies takes its chunk with it, and both get another try.

Started afresh instead of forked: TensorFlow does not survive a fork, and a worker of one job is like one of a cluster.
"""

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from app.bulk.errors import WorkersFailed
from app.bulk.job import Job
from app.bulk.plan import Chunk, Unread
from app.bulk.work import Outcome, Worker, unforeseen
from app.inference.errors import SentimentError

TRIES = 3
"""How often a chunk may take its worker along before it counts as unreadable."""


@dataclass(eq=False)
class _Process:
    process: SpawnProcess
    connection: Connection
    chunk: Chunk | None = None


def run_locally(
    job: Job, bundle: Path, staging: Path, chunks: Sequence[Chunk], workers: int
) -> Generator[Outcome, None, None]:
    """Score chunks in processes of their own.

    Args:
        job: What is to be done.
        bundle: The folder of its bundle.
        staging: Where workers leave files.
        chunks: Those that are left to do.
        workers: Processes.

    Yields:
        One outcome a chunk, in the order in which they end.

    Raises:
        WorkersFailed: Workers die before they can work, or one met an error that another try would not mend.
    """
    waiting = deque(chunks)
    deaths: Counter[int | None] = Counter()  # chunk -> workers that died of it; None: that had none yet
    running = [_start(job, bundle, staging) for _ in range(min(workers, len(chunks)))]
    try:
        while waiting or any(one.chunk for one in running):
            ready = wait([one.connection for one in running])
            for i, one in enumerate(running):
                if one.connection not in ready:
                    continue
                answer = _answer(one)
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, _Death):
                    running[i] = _start(job, bundle, staging)
                    outcome = _bury(job, one, deaths, waiting)
                else:
                    outcome = answer
                    deaths.pop(None, None)
                    one.chunk = waiting.popleft() if waiting else None
                    if one.chunk:
                        # It may have died meanwhile; then `wait` tells.
                        with suppress(BrokenPipeError, ConnectionResetError):
                            one.connection.send(one.chunk)
                if outcome:
                    yield outcome
    finally:
        for one in running:
            one.process.terminate()
            one.connection.close()
        for one in running:
            one.process.join()


class _Death:
    """In the place of an answer."""


def _answer(one: _Process) -> Outcome | Exception | _Death | None:
    """What a worker sent; None if it only said that it is ready."""
    try:
        answer: Outcome | Exception | None = one.connection.recv()
    except (EOFError, ConnectionResetError):
        return _Death()
    return answer


def _bury(job: Job, one: _Process, deaths: Counter[int | None], waiting: deque[Chunk]) -> Outcome | None:
    """Give the chunk of a dead worker back, or up; returns what came of it if it is given up."""
    one.process.join()
    one.connection.close()
    key = one.chunk.number if one.chunk else None
    deaths[key] += 1
    if one.chunk and deaths[key] >= TRIES:
        return given_up(job, one.chunk, one.process.exitcode)
    if one.chunk:
        waiting.appendleft(one.chunk)
    elif deaths[key] > TRIES:
        raise WorkersFailed(
            f"workers die before they can work (exit code {one.process.exitcode}); is there memory for so many? "
            "--workers 1 needs the least"
        )
    return None


def given_up(job: Job, chunk: Chunk, exit_code: int | None) -> Outcome:
    """The outcome of a chunk that no worker survives."""
    reason = f"{TRIES} workers died of it (the last with exit code {exit_code}); too little memory, or a damaged file"
    unread = Unread(file=job.sources[chunk.source].name, row=chunk.row, rows=chunk.rows, reason=reason)
    return Outcome(
        chunk=chunk.number, part=None, side=None, scored=0, bad=0, unread=(unread,), began=0, ended=0, cpu=0, memory=0
    )


def _start(job: Job, bundle: Path, staging: Path) -> _Process:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(job, bundle, staging, theirs), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed here
    return _Process(process, ours)


def _work(job: Job, bundle: Path, staging: Path, connection: Connection) -> None:
    """The life of a worker: it says that it is ready, then answers each chunk with an outcome, or an error."""
    # Ctrl-C reaches the whole group of processes; when to end is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = Worker(job, bundle, staging)
        connection.send(None)
        while True:
            connection.send(worker.score(connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, and with it the job
    except SentimentError as error:
        connection.send(WorkersFailed(str(error)))  # as such: others are not made of their message and do not travel
    except Exception:
        connection.send(WorkersFailed(unforeseen()))
