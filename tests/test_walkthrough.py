"""CONTRIBUTING.md: the walkthrough works as it is written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

STEPS = (ROOT / "CONTRIBUTING.md").read_text().partition("## Walkthrough")[2].replace("\n   ", "\n")
"""The steps of the numbered list, without its indentation."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", STEPS, re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository that uses this Python's environment."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "node_modules"))
    (folder / ".venv").symlink_to(sys.prefix)
    for path in (folder / "requirements").iterdir():
        os.utime(path, (0, 0))  # older than what make has installed, so that it installs nothing
    return folder


@pytest.mark.slow
def test_walkthrough_adds_a_field(checkout: Path) -> None:
    # Outside of this run of pytest and make.
    env = {name: value for name, value in os.environ.items() if not re.match("PYTEST_|MAKE|MFLAGS|GIT_", name)}

    def run(*command: str, stdin: str = "") -> str:
        done = subprocess.run(command, cwd=checkout, env=env, input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    before = (checkout / "openapi.json").read_text()
    run("git", "init", "--quiet")
    for diff in blocks("diff"):
        run("git", "apply", "--unidiff-zero", "-C1", stdin=diff)
    tests = re.findall(r"^`(tests/\S+\.py)`.*?:\n\n```python\n(.*?)^```", STEPS, re.MULTILINE | re.DOTALL)
    assert len(tests) == len(blocks("python")) == 2
    for path, code in tests:
        (checkout / path).write_text(code)
    (commands,) = blocks("sh")
    assert re.search(r"\d passed", run("bash", "-euc", commands))
    after = (checkout / "openapi.json").read_text()
    assert '"certainty"' in after
    assert '"certainty"' not in before
