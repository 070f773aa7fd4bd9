"""The same job on a real Ray cluster of two nodes, one of which is killed while it works."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from benchmarks.environments import ROOT, environment
from benchmarks.ray_cluster import LOOPBACK, cluster
from tests.bulk.jobs import bad, command, numbers, parts, reviews, scored, settings, started, succeed, write_csv
from tests.bulk.test_resume import contents, journal, soon

ROWS = 16_000
OPTIONS = ("--chunk-rows", 40)
LIMIT = 150
"""Seconds for a job that takes 40 on a quiet machine; half of it is Ray's own start."""


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with Ray."""
    try:
        return environment(ROOT / "requirements/ray.txt", Console(stderr=True))
    except subprocess.CalledProcessError:
        pytest.skip("the packages of requirements/ray.txt cannot be installed here")


def running(python: Path, *arguments: object) -> AbstractContextManager[subprocess.Popen[str]]:
    return started([str(python), *command(*arguments)[1:]], settings() | LOOPBACK)


def scorers(raylet: int) -> list[psutil.Process]:
    """A node's actors that score; workers of Ray come and go."""
    found = []
    for process in psutil.Process(raylet).children():
        with suppress(psutil.Error):
            if "ChunkScorer" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_node_that_is_killed_costs_no_row_and_doubles_none(python: Path, tmp_path: Path) -> None:
    texts = reviews(ROWS)
    texts[7] = texts[ROWS - 7] = " "
    source = write_csv(tmp_path / "a.csv", texts)
    output = tmp_path / "out"
    succeed(source, tmp_path / "local", *OPTIONS, code=3)
    with cluster(python, 2) as ray:
        listening = {
            connection.laddr.ip
            for raylet in ray.raylets
            for connection in psutil.Process(raylet).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
        with running(python, source, output, *OPTIONS, "--ray", ray.address) as job:

            def wait_for(condition: Callable[[], bool]) -> None:
                def holds() -> bool:
                    assert job.poll() is None, job.communicate()
                    return condition()

                soon(holds)

            wait_for(lambda: len(journal(output)) >= 20)
            # The other node may be long in coming; without a pause of this one, there could be nothing left for it.
            pausing = scorers(ray.raylets[0])
            for one in pausing:
                one.suspend()
            wait_for(lambda: bool(scorers(ray.raylets[1])))
            by_then = len(journal(output))
            wait_for(lambda: len(journal(output)) >= by_then + 10)
            raylet = psutil.Process(ray.raylets[1])
            for one in [raylet, *raylet.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):  # some end with the raylet
                    one.kill()
            for one in pausing:
                one.resume()
            killed_after = len(journal(output))
            answer, errors = job.communicate(timeout=LIMIT)
    assert job.returncode == 3, errors
    assert killed_after < ROWS / 40
    summary = json.loads(answer)
    assert summary["rows"] == {"rows": ROWS, "scored": ROWS - 2, "bad": 2, "unread": 0}
    assert sorted(journal(output)) == list(range(ROWS // 40))
    every = [row for _, row in numbers(scored(output))] + [row["row"] for row in bad(output)]
    assert sorted(every) == list(range(ROWS))
    assert contents(output) == contents(tmp_path / "local")  # the same bits as without a cluster
    assert len(parts(output)) == ROWS // 40
    assert "Traceback" not in errors


def test_job_stopped_on_a_cluster_goes_on_without_one(python: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(ROWS))
    output = tmp_path / "out"
    with cluster(python, 1) as ray:
        with running(python, source, output, *OPTIONS, "--ray", ray.address) as job:
            soon(lambda: len(journal(output)) >= 3 or job.poll() is not None)
            job.send_signal(signal.SIGTERM)
            _, errors = job.communicate(timeout=60)
        assert job.returncode == 143, errors
        assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
        with running(python, source, tmp_path / "x", *OPTIONS, "--ray", ray.address, "--runtime",
                     "tensorflow") as job:  # fmt: skip
            _, errors = job.communicate(timeout=LIMIT)
        assert job.returncode == 1
        assert "the runtime `tensorflow` needs the package tensorflow" in errors
    done = journal(output)
    assert 3 <= len(done) < ROWS // 40
    succeed(source, output, *OPTIONS)
    assert journal(output)[: len(done)] == done
    assert [row for _, row in numbers(scored(output))] == list(range(ROWS))


def test_cluster_that_is_not_there_is_told_at_once(python: Path, free_port: int, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(4))
    for address, code in ((f"127.0.0.1:{free_port}", 1), ("ray://127.0.0.1:10001", 2)):
        began = time.monotonic()
        with running(python, source, tmp_path / "out", "--ray", address) as job:
            _, errors = job.communicate(timeout=LIMIT)
        assert job.returncode == code, errors
        assert f"--ray {address}" in errors
        assert "Traceback" not in errors
        assert time.monotonic() - began < 60
