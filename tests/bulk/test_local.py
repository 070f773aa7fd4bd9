"""What happens to a chunk that no worker survives."""

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil

from app.bulk.local import TRIES, run_locally
from app.bulk.plan import Chunk, plan_source
from app.bulk.work import Outcome
from tests.bulk.jobs import job_of, reviews, write_csv
from tests.servers import PATIENCE


def stuck_worker() -> psutil.Process | None:
    """A worker that has started and does nothing, though it has a chunk: it waits for the other end of a pipe."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()) and child.status() == psutil.STATUS_SLEEPING:
                before = child.cpu_times().user
                time.sleep(0.5)
                if before > 0.1 and child.status() == psutil.STATUS_SLEEPING and child.cpu_times().user == before:
                    return child
    return None


def test_chunk_that_no_worker_survives_is_given_up_and_the_others_are_scored(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        write_csv(folder / name, reviews(30))
    job, bundle = job_of(folder, chunk_rows=100)
    chunks: list[Chunk] = []
    for index, source in enumerate(job.sources):
        chunks += [one for one in plan_source(source, index, index, 100, lambda _: None) if isinstance(one, Chunk)]
    (folder / "a.csv").unlink()
    os.mkfifo(folder / "a.csv")  # whoever opens it waits, until the test kills it
    outcomes: list[Outcome] = []
    work = run_locally(job, bundle, tmp_path, chunks, 1)
    thread = Thread(target=lambda: outcomes.extend(work), daemon=True)
    thread.start()
    killed = 0
    deadline = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < deadline:
        if worker := stuck_worker():
            worker.kill()
            killed += 1
        thread.join(0.05)
    assert killed == TRIES
    first, second = sorted(outcomes, key=lambda outcome: outcome.chunk)
    assert (first.scored, first.bad, sum(item.rows or 0 for item in first.unread)) == (0, 0, 30)
    assert f"{TRIES} workers died of it" in first.unread[0].reason
    assert second.scored == 30
