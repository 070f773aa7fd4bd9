"""Fixtures: the clients, written once a session by the command that `make clients` runs."""

import subprocess
from pathlib import Path

import pytest

from clients.__main__ import ToolMissing, install_node_packages
from tests.servers import ROOT, run_python

LONG = 900
"""Seconds for a package manager, three generators and a compiler, which take 20 on a quiet machine."""


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The folder of the programs that clients/typescript/package-lock.json names; skips without Node."""
    try:
        install_node_packages()
    except ToolMissing as missing:
        pytest.skip(f"{missing}")
    except subprocess.CalledProcessError as error:
        pytest.fail(f"npm ci: {error.stdout}")
    return ROOT / "clients/typescript/node_modules/.bin"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both clients; without Node, with the Python one alone."""
    folder = tmp_path_factory.mktemp("clients")
    done = run_python("-m", "clients", "--output", str(folder), timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
