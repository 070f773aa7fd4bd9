"""What the linters of `make check` do not see in .github: it agrees with other files, and a release has its notes."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]  # its stubs are not a requirement of this project

from tests.servers import ROOT

GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REPOSITORY = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "someone/review-sentiment"}
ADDRESS = '[project.urls]\nRepository = "https://github.com/someone/review-sentiment"\n'
CHANGELOG = """# Changelog

## Unreleased

- Later.

## 1.2.0 - 2026-12-01

### Added

- A list of
  [pages](docs/index.md), and
  - one in it.

## 1.2.0.1

- Earlier.
"""
NOTES = """### Added

- A list of [pages](https://github.com/someone/review-sentiment/blob/v1.2.0/docs/index.md), and
  - one in it.
"""


def test_ci_runs_on_the_supported_python_versions() -> None:
    """All tests run where there is TensorFlow; on the last version, only NumPy does."""
    jobs = yaml.safe_load((GITHUB / "workflows/ci.yml").read_text())["jobs"]
    (last,) = (
        step["with"]["python-version"] for step in jobs["numpy"]["steps"] if "setup-python" in step.get("uses", "")
    )
    prefix = "Programming Language :: Python :: "
    classifiers = PROJECT["project"]["classifiers"]
    assert [*jobs["test"]["strategy"]["matrix"]["python"], last] == [
        name.removeprefix(prefix) for name in classifiers if name.startswith(prefix)
    ]


def test_makefile_defines_each_target_once() -> None:
    done = subprocess.run(["make", "help"], cwd=GITHUB.parent, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_dependabot_respects_the_constraints_of_the_locks() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    (python,) = (update for update in updates if update["package-ecosystem"] == "uv")
    ignored = {f"{each['dependency-name']}{each['versions'][0].replace('>=', '<')}" for each in python["ignore"]}
    assert ignored == set(PROJECT["tool"]["uv"]["constraint-dependencies"])


@pytest.mark.parametrize(
    ("tag", "version", "project", "printed", "message"),
    [
        ("v1.2.0", "1.2.0", ADDRESS, NOTES, ""),
        ("v1.3.0", "1.2.0", ADDRESS, "", "The tag is v1.3.0, but app/__init__.py says 1.2.0.\n"),
        ("v1.3.0", "1.3.0", ADDRESS, "", 'CHANGELOG.md has no section "## 1.3.0".\n'),
        ("v1.2.0", "1.2.0", "", "", f"pyproject.toml needs {ADDRESS.replace(chr(10), ' with ', 1).strip()}.\n"),
    ],
)
def test_release_notes_are_the_section_of_a_version_that_is_complete(
    tmp_path: Path, tag: str, version: str, project: str, printed: str, message: str
) -> None:
    for folder in (".github", "app"):
        (tmp_path / folder).mkdir()
    program = shutil.copy(GITHUB / "release_notes.py", tmp_path / ".github")
    (tmp_path / "app/__init__.py").write_text(f'__version__ = "{version}"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x"\n{project}')
    done = subprocess.run([sys.executable, program, tag], env=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (bool(message), printed, message)
