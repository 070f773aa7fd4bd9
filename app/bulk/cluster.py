"""The same job on a Ray cluster: Ray Data hands chunks to actors, each with a classifier.

Only the names of chunks travel. Workers read the input and leave their files in the output folder, which all nodes
share; the process that runs the command commits them, as it does for workers of its own machine. So it makes no
difference whether Ray runs a chunk once or, because a node died, again: only what is committed counts, and it is
committed once.

The code of `app` and the bundle are sent along. The nodes need the packages of `requirements/ray.txt`.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from app.bulk.errors import ClusterFailed, InputError, PackageMissing, WorkersFailed
from app.bulk.job import Job
from app.bulk.plan import Chunk
from app.bulk.work import Outcome, Worker, unforeseen
from app.inference.errors import SentimentError

PATIENCE = 10.0
"""Seconds that the head of the cluster gets to take a connection."""

ROUNDS = 3
"""Attempts in a row that score nothing before the job gives up."""


class ChunkScorer:
    """What Ray Data calls with chunks; one an actor.

    Args:
        job: The job, as JSON.
        version: Of the bundle: the name of its folder.
        bundle: Its files, by relative path.
        staging: The folder for files that are not committed yet.
    """

    def __init__(self, job: str, version: str, bundle: dict[str, bytes], staging: str) -> None:
        self._worker: Worker | None = None
        self._error = ""
        try:
            with tempfile.TemporaryDirectory(prefix="sentiment-bundle-") as folder:
                for name, content in bundle.items():
                    path = Path(folder, version, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                self._worker = Worker(Job.model_validate_json(job), Path(folder, version), Path(staging))
        except SentimentError as error:
            self._error = str(error)  # as an answer: Ray would take an exception for a mishap, and try again

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Score chunks.

        Args:
            batch: `chunk` holds chunks, as JSON.

        Returns:
            `outcome` holds an outcome each, as JSON, or an empty text, and `error` the reason for that.
        """
        outcomes, errors = [], []
        for chunk in batch["chunk"]:
            outcome, error = "", self._error
            if self._worker is not None:
                try:
                    outcome = self._worker.score(Chunk.model_validate_json(chunk)).model_dump_json()
                except SentimentError as failure:
                    error = str(failure)
                except Exception:
                    error = unforeseen()
            outcomes.append(outcome)
            errors.append(error)
        return {"outcome": outcomes, "error": errors}


def run_on_ray(
    address: str, job: Job, bundle: Path, staging: Path, chunks: Sequence[Chunk], workers: int | None
) -> Generator[Outcome, None, None]:
    """Score chunks on a cluster.

    Args:
        address: Of the cluster's head, `HOST:PORT`, or `auto` for the cluster that this machine belongs to.
        job: What is to be done.
        bundle: The folder of its bundle.
        staging: Where workers leave files; the same path on all nodes.
        chunks: Those that are left to do.
        workers: Actors; one a core of the cluster when None.

    Yields:
        One outcome a chunk, in the order in which they end.

    Raises:
        PackageMissing: Ray is not installed.
        ClusterFailed: The cluster cannot be reached, or scores nothing any more.
        WorkersFailed: A worker met an error that another try would not mend.
    """
    if not chunks:
        return
    ray = _import_ray()
    if address.startswith("ray://"):
        raise InputError(
            f"--ray {address}: Ray Data does not run through Ray Client. Run the command on a machine of the cluster, "
            "with --ray auto"
        )
    code = str(Path(__file__).resolve().parent.parent)
    try:
        _knock(address)
        with _own_signals():
            ray.init(address=address, runtime_env={"py_modules": [code]}, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterFailed(
            f"--ray {address}: no cluster answers ({type(error).__name__}). Start one with `ray start --head`, and run "
            "the command on one of its machines"
        ) from error
    # Ray tells of dead nodes on the standard output, which is for the summary.
    with contextlib.redirect_stdout(sys.stderr):
        yield from _rounds(ray, job, bundle, staging, chunks, workers)


def leave(code: int) -> NoReturn:
    """End a process that was on a cluster, as it is: the cluster cleans up behind it.

    Ray's own way out, which the end of Python takes as well, waits two seconds for its threads. If one is later, on a
    busy machine, Ray ends the process with a message and an exit code of its own.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Put handlers of signals back that Ray replaces by its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _knock(address: str) -> None:
    """Make sure that something listens there: Ray itself would try for minutes.

    Raises:
        OSError, ValueError: Nothing does, or it is no address.
    """
    if address != "auto":
        host, port = address.rsplit(":", 1)
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def _rounds(
    ray: Any, job: Job, bundle: Path, staging: Path, chunks: Sequence[Chunk], workers: int | None
) -> Iterator[Outcome]:
    """Run again what got lost with an actor or a node, until nothing is left."""
    left = {chunk.number: chunk for chunk in chunks}
    in_vain = 0
    while left:
        before = len(left)
        try:
            for outcome in _round(ray, job, bundle, staging, list(left.values()), workers):
                if left.pop(outcome.chunk, None):
                    yield outcome
        except ray.exceptions.RayError as error:
            reason = type(error).__name__
        else:
            reason = "chunks got lost"
        in_vain = 0 if len(left) < before else in_vain + 1
        if in_vain == ROUNDS:
            raise ClusterFailed(
                f"the Ray cluster scored nothing in {ROUNDS} attempts ({reason}). Look at `ray status` and Ray's logs, "
                "then run the same command again: it goes on from there"
            )


def _round(
    ray: Any, job: Job, bundle: Path, staging: Path, chunks: Sequence[Chunk], workers: int | None
) -> Iterator[Outcome]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # what is lost is noticed, and comes again in the next round
    most = min(len(chunks), workers or max(int(ray.cluster_resources().get("CPU", 1)), 1))
    files = {path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    items = [{"chunk": chunk.model_dump_json()} for chunk in chunks]
    with warnings.catch_warnings():
        # Ray 2.60 says that `ray_remote_args_fn` will go, and has nothing in its place for `max_restarts`.
        warnings.filterwarnings("ignore", "`ray_remote_args_fn` is deprecated")
        rows = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            ChunkScorer,
            batch_size=1,
            # Elastic, so that the work goes on with fewer actors where a node is gone.
            compute=ray.data.ActorPoolStrategy(
                min_size=1, max_size=most, initial_size=most, max_tasks_in_flight_per_actor=2
            ),
            num_cpus=1,
            fn_constructor_kwargs={
                "job": job.model_dump_json(),
                "version": job.model.version,
                "bundle": files,
                "staging": str(staging),
            },
            # An actor whose node is gone could wait for ever for another place, and its chunks with it.
            ray_remote_args_fn=lambda: {"max_restarts": 0, "max_task_retries": 0},
        )
    for row in rows.iter_rows():
        if row["error"]:
            raise WorkersFailed(row["error"])
        yield Outcome.model_validate_json(row["outcome"])


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read at the import: no reports to anybody
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise PackageMissing("--ray", "ray[data]", "ray") from error
    for name in ("ray", "ray.data"):  # what goes wrong there is seen by what is missing, and told
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray
