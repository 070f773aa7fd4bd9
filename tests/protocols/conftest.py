"""Fixture: a server that is stopping."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, serving


@pytest.fixture(scope="package")
def draining(models: Path) -> Iterator[Server]:
    """In its drain period, until `serving` sends a second SIGTERM."""
    with serving(model_dir=models, runtime="numpy", drain=1000) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        yield server
