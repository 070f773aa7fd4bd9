"""Fixtures: servers that require a key, serve two versions or are stopping."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Server, serving

KEY = "a-key-of-the-protocol-tests-0123456789"


@pytest.fixture(scope="package")
def guarded(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="numpy", api_keys=KEY) as server:
        yield server


@pytest.fixture(scope="package")
def versions(models: Path, newer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves the versions 2 and 1."""
    folder = tmp_path_factory.mktemp("versions") / "tiny"
    for bundle in (models / "1", newer):
        shutil.copytree(bundle, folder / bundle.name)
    with serving(model_dir=folder, runtime="numpy", model_version="all") as server:
        yield server


@pytest.fixture(scope="package")
def draining(models: Path) -> Iterator[Server]:
    """In its drain period, until `serving` sends a second SIGTERM."""
    with serving(model_dir=models, runtime="numpy", drain=1000) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        yield server
