"""Fixtures: the programs of clients/typescript."""

import subprocess
from pathlib import Path

import pytest

from clients.__main__ import ToolMissing, install_node_packages
from tests.servers import ROOT


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The folder of the programs in clients/typescript/package-lock.json; skips without Node."""
    try:
        install_node_packages()
    except ToolMissing as missing:
        pytest.skip(f"{missing}")
    except subprocess.CalledProcessError as error:
        pytest.fail(f"npm ci: {error.stdout}")
    return ROOT / "clients/typescript/node_modules/.bin"
