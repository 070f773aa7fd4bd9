"""`python -m clients`, which `make clients` runs, and what it needs."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from app import __version__
from tests.servers import ROOT, run_python


def test_clients_are_written_by_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^clients: .*\n\t\$\(BIN\)/python -m clients \$\(ARGS\)\n", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    ("version", "reason"),
    [(None, "needs Node 20.19 or newer and npm, and node is not here"), ("v18.20.4", "newer, this is v18.20.4")],
)
def test_clients_without_a_node_that_will_do(tmp_path: Path, version: str | None, reason: str) -> None:
    """The Python client is written all the same."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if version is not None:
        for name in ("node", "npm"):
            (programs / name).write_text(f"#!/bin/sh\necho {version}\n")
            (programs / name).chmod(0o755)
    done = run_python("-m", "clients", "--output", str(tmp_path / "out"), env=os.environ | {"PATH": str(programs)})
    assert done.returncode == 0, done.stderr
    assert "TypeScript: left out. It needs Node 20.19 or newer" in done.stdout
    assert reason in done.stdout
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["python"]
    assert (tmp_path / "out/python/sentiment-client/sentiment_client/api/predictions/predict.py").exists()


def test_clients_of_a_broken_document(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text('{"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": {"/x": {"get": {}}}}')
    done = run_python("-m", "clients", "--document", str(document), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("{", "not JSON"), ("[]", "not an OpenAPI document"), ('{"paths": 1}', "not an OpenAPI")],
)
def test_clients_of_no_document_leave_the_written_ones(tmp_path: Path, content: str | None, reason: str) -> None:
    document, written = tmp_path / "missing.json", tmp_path / "out/python/sentiment-client/pyproject.toml"
    written.parent.mkdir(parents=True)
    written.write_text("here before")
    if content is not None:
        document.write_text(content)
    done = run_python("-m", "clients", "--document", str(document), "--output", str(tmp_path / "out"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {document}: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert written.read_text() == "here before"


def test_clients_that_are_written_are_not_committed() -> None:
    written = [
        "typescript/src/index.ts",
        "typescript/dist/x.js",
        "typescript/node_modules/x",
        "python/sentiment-client/x",
    ]
    paths = [f"clients/{path}" for path in written]
    done = subprocess.run(["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == paths


def test_clients_bear_the_version_of_the_service() -> None:
    assert json.loads((ROOT / "clients/typescript/package.json").read_text())["version"] == __version__


def test_typescript_lock_repeats_the_package() -> None:
    package, lock = (json.loads((ROOT / f"clients/typescript/package{end}.json").read_text()) for end in ("", "-lock"))
    for field in ("name", "version", "license", "engines", "devDependencies"):
        assert lock["packages"][""][field] == package[field], field


def test_typescript_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "clients/typescript/package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
