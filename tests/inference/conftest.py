"""Fixtures: a bundle to damage, and the event loop of the asynchronous tests."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """What anyio's pytest plugin runs tests marked with `pytest.mark.anyio` on."""
    return "asyncio"


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))
