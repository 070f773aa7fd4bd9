"""The same job on a real Ray cluster of two nodes, one of which is killed in the middle."""

import subprocess
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from benchmarks.environments import ROOT, environment
from benchmarks.ray_cluster import LOOPBACK, cluster
from tests.bulk.jobs import command, parts, reviews, settings, started, succeed, wait_until, write_csv

pytestmark = pytest.mark.slow

ROWS = 60_000
OPTIONS = ("--part-rows", 500)
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


def is_scoring(raylet: int) -> bool:
    """Whether a worker of this node has the classifier's task."""
    for process in psutil.Process(raylet).children():
        with suppress(psutil.Error):
            if "ray::score" in " ".join(process.cmdline()):
                return True
    return False


def test_node_that_is_killed_costs_no_row_and_doubles_none(python: Path, tmp_path: Path) -> None:
    texts = reviews(ROWS)
    texts[7] = texts[ROWS - 7] = " "
    source = write_csv(tmp_path / "a.csv", texts)
    output = tmp_path / "out"
    succeed(source, tmp_path / "local", *OPTIONS, code=3)
    with cluster(python, 2) as ray, running(python, source, output, *OPTIONS, "--ray", ray.address) as job:
        wait_until(lambda: job.poll() is not None or (len(parts(output)) >= 3 and is_scoring(ray.raylets[1])))
        assert job.poll() is None, job.communicate()
        raylet = psutil.Process(ray.raylets[1])
        for process in [raylet, *raylet.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # some end with the raylet
                process.kill()
        killed_after = len(parts(output))
        _, errors = job.communicate(timeout=LIMIT)
    assert job.returncode == 3, errors
    assert killed_after < ROWS / 500
    assert "Traceback" not in errors
    names = [part.name for part in parts(tmp_path / "local")]
    assert [part.name for part in parts(output)] == names
    assert all((output / name).read_bytes() == (tmp_path / "local" / name).read_bytes() for name in names)


def test_cluster_that_is_not_there_is_an_error(python: Path, free_port: int, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(4))
    started_at = time.monotonic()
    with running(python, source, tmp_path / "out", "--ray", f"127.0.0.1:{free_port}") as job:
        _, errors = job.communicate(timeout=LIMIT)
    assert job.returncode == 1, errors
    assert f"--ray 127.0.0.1:{free_port}: no cluster answers" in errors
    assert time.monotonic() - started_at < 60
