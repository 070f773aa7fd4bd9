"""Fixtures: servers that require a key or are stopping."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, serving

KEY = "a-key-of-the-protocol-tests-0123456789"


@pytest.fixture(scope="package")
def guarded(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="litert", api_keys=KEY) as server:
        yield server


@pytest.fixture(scope="package")
def draining(models: Path) -> Iterator[Server]:
    """In its drain period, until `serving` sends a second SIGTERM."""
    with serving(model_dir=models, runtime="litert", drain=1000) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        yield server
