"""Fixtures: the clients of other model servers, and what they should be told."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.environments import environment
from tests.protocols.expectations import KEY
from tests.protocols.workers import Worker, working
from tests.servers import ROOT, Server, serving


@pytest.fixture(scope="session")
def protocols() -> Path:
    """The Python that has tritonclient and kserve; the first time, they are installed."""
    try:
        return environment(ROOT / "requirements/protocols.txt", Console(quiet=True))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"requirements/protocols.txt cannot be installed: {error}")


@pytest.fixture(scope="session")
def triton(protocols: Path) -> Iterator[Worker]:
    with working(protocols, "triton_worker.py") as worker:
        yield worker


@pytest.fixture(scope="session")
def kserve(protocols: Path) -> Iterator[Worker]:
    with working(protocols, "kserve_worker.py") as worker:
        yield worker


@pytest.fixture(scope="session")
def guarded(models: Path) -> Iterator[Server]:
    """The real service, for those with a key alone."""
    with serving(model_dir=models, runtime="litert", api_keys=KEY) as server:
        server.wait_ready()
        yield server
