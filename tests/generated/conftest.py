"""Fixtures: the clients, generated once per session by `python -m clients`, and programs that use them."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from clients.__main__ import ToolMissing, install_node_packages
from tests.servers import PATIENCE, ROOT, run_python

Run = Callable[[str], "subprocess.CompletedProcess[str]"]
LONG = 900
"""Seconds for a package manager, three generators and a compiler, which take 20 on an idle machine."""

TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A superb film"]}
REVIEWS = [["A superb and moving film", "😀 ünï <br/>"], ["a"] * 9, ["a", "b" * 1001], ["a", "  "], []]
CALLS = [
    *(("GET", path, None) for path in ("/model", "/health/live", "/health/ready")),
    *(("POST", "/predict", {"reviews": reviews}) for reviews in REVIEWS),
    *(("POST", f"/v2/models/{name}/infer", {"inputs": [TENSOR]}) for name in ("tiny", "nothing")),
]
"""What the programs of both languages call."""


def responses(url: str) -> list[list[object]]:
    """The statuses and bodies that httpx gets for the same calls."""
    answers = [httpx.request(method, f"{url}{path}", json=body) for method, path, body in CALLS]
    return [[answer.status_code, answer.json()] for answer in answers]


def substituted(code: str, url: str) -> str:
    """Insert the URL and the arguments of the calls into a program."""
    return (
        code.replace("URL", url)
        .replace("REVIEWS", json.dumps(REVIEWS, ensure_ascii=False))
        .replace("TENSOR", json.dumps(TENSOR))
    )


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


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both clients; without Node, only the Python one."""
    folder = tmp_path_factory.mktemp("clients")
    done = run_python("-m", "clients", "--output", str(folder), timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def package(generated: Path) -> Path:
    return generated / "python/sentiment-client"


@pytest.fixture
def run_with_python(package: Path) -> Run:
    """Runs a program with the generated package."""

    def run(code: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(package)}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=2 * PATIENCE
        )

    return run


class Project:
    """A TypeScript project that has installed the client."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self._folder = folder
        self._tools = tools

    def compile(self, **programs: str) -> subprocess.CompletedProcess[str]:
        """Check types strictly and compile; all programs at once, as the compiler takes seconds to start."""
        for name, code in programs.items():
            (self._folder / f"src/{name}.ts").write_text(code)
        return self._run(str(self._tools / "tsc"), "--project", ".")

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        compiled = self.compile(main=code)
        assert compiled.returncode == 0, compiled.stdout
        return self._run("node", "dist/main.js")

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=2 * PATIENCE)


@pytest.fixture
def project(node_packages: Path, generated: Path, tmp_path: Path) -> Project:
    """Linked to the client as `npm install FOLDER` links it."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules/sentiment-client").symlink_to(generated / "typescript")
    (tmp_path / "src").mkdir()
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    shutil.copyfile(ROOT / "clients/typescript/tsconfig.json", tmp_path / "tsconfig.json")
    return Project(tmp_path, node_packages)
