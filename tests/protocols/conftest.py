"""Fixtures: the clients of other model servers, and what they should be told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.protocols.expectations import KEY
from tests.protocols.workers import Worker, working
from tests.servers import Server, serving


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
        yield server
