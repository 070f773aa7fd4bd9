"""`python -m clients`, and the files that it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from tests.servers import PATIENCE, ROOT, run_python


@pytest.mark.parametrize(
    ("version", "reason"),
    [(None, "needs Node 20.19 or newer and npm, and node is not here"), ("v18.20.4", "newer, this is v18.20.4")],
)
def test_clients_without_a_suitable_node_are_python_only(tmp_path: Path, version: str | None, reason: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if version is not None:
        for name in ("node", "npm"):
            (programs / name).write_text(f"#!/bin/sh\necho {version}\n")
            (programs / name).chmod(0o755)
    done = run_python("-m", "clients", "--output", str(tmp_path / "out"), env=os.environ | {"PATH": str(programs)})
    assert done.returncode == 0, done.stderr
    assert "TypeScript: left out." in done.stdout
    assert reason in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["python"]
    assert (tmp_path / "out/python/sentiment-client/sentiment_client/api/predictions/predict.py").exists()


INVALID = '{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"get": {}}}}'


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("{", "not JSON"), ("[]", "not an OpenAPI document"), (INVALID, "ended with 1")],
)
def test_clients_of_an_unusable_document_fail(tmp_path: Path, content: str | None, reason: str) -> None:
    document, existing = tmp_path / "document.json", tmp_path / "out/python/sentiment-client/pyproject.toml"
    existing.parent.mkdir(parents=True)
    existing.write_text("an earlier client")
    if content is not None:
        document.write_text(content)
    done = run_python("-m", "clients", "--document", str(document), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert reason in done.stderr
    assert content == INVALID or existing.read_text() == "an earlier client"


@pytest.mark.slow
def test_make_clients_leaves_the_environment_of_the_service_alone(tmp_path: Path) -> None:
    settings = [f"PYTHON={sys.executable}", f"ARGS=--output {tmp_path}"]
    installed = make("VENV=.environments/clients", ".environments/clients/.clients", *settings)
    if installed.returncode:
        pytest.skip(f"requirements/clients.txt cannot be installed: {installed.stderr}")
    done = make("clients", "VENV=/nowhere", *settings)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "python/sentiment-client/pyproject.toml").exists()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=10 * PATIENCE)


def test_typescript_package_has_the_version_of_the_service_and_locks_by_digest() -> None:
    folder = ROOT / "clients/typescript"
    assert json.loads((folder / "package.json").read_text())["version"] == __version__
    locked = [
        package for name, package in json.loads((folder / "package-lock.json").read_text())["packages"].items() if name
    ]
    assert locked
    for package in locked:
        assert "resolved" not in package  # any registry will do
        assert package["integrity"].startswith("sha512-")
