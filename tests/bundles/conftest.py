"""Fixtures: a bundle to damage."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that a test may damage."""
    return Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))
