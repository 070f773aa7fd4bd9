"""The wheel works in any folder, beside another wheel that has a package called `app` as well."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.bundles.reading import load_bundle
from tests.models import MODELS, NEWEST
from tests.servers import ROOT, environment, running
from tests.terminal.terminals import SGR

pytestmark = pytest.mark.slow


def uv(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *map(str, arguments)], cwd=ROOT, check=True)


OTHER_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "other"
version = "1"

[tool.hatch.build.targets.wheel]
packages = ["app"]
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console command of the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    other = folder / "other"
    for module in ("__init__", "__main__", "commands/__init__", "commands/main"):
        file = other / f"app/{module}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    (other / "pyproject.toml").write_text(OTHER_PROJECT)
    for project in (ROOT, other):
        uv("build", "--wheel", "--out-dir", folder, project)
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "install", "--python", folder / "venv/bin/python", *folder.glob("*.whl"))
    return folder / "venv/bin/review-sentiment"


def test_wheel_installs_one_package(command: Path) -> None:
    program = "from importlib.metadata import files; print(*{file.parts[0] for file in files('review-sentiment')})"
    done = subprocess.run([command.parent / "python", "-c", program], capture_output=True, text=True, check=True)
    packages = {name for name in done.stdout.split() if not name.endswith(".dist-info") and name != ".."}
    assert packages == {"review_sentiment"}


def test_message_about_a_missing_package_names_the_extra(command: Path, tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("text,label\n")
    done = subprocess.run([command, "evaluate", "my.csv"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "'.[evaluation]'" in done.stderr
    assert "requirements/" not in done.stderr


def test_bulk_starts_workers_of_its_own_package(command: Path, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("raise ImportError('the wrong package')")
    (tmp_path / "reviews.csv").write_text("review\nA superb film.\n")
    arguments = ["bulk", "reviews.csv", "scored.csv", "--workers", "2"]
    done = subprocess.run([command, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "positive" in (tmp_path / "scored.csv").read_text()


def test_score_uses_the_installed_bundle(command: Path, tmp_path: Path) -> None:
    for arguments in (["score", "--json", "A superb film."], ["check", "--json"]):
        done = subprocess.run([command, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["digest"] == load_bundle(MODELS / NEWEST).digest
    assert list(facts["runtimes"].items())[1] == ("tensorflow", None)  # not installed
    terminal = environment() | {"FORCE_COLOR": "1"}
    done = subprocess.run(
        [command, "score", "A superb film."], cwd=tmp_path, env=terminal, capture_output=True, text=True
    )
    assert SGR.sub("", done.stdout).rstrip().endswith(f"predicted by imdb {NEWEST}")  # without its folder


def test_serve_answers_and_has_its_pages(command: Path, tmp_path: Path) -> None:
    env = environment(port=0, drain=0, log_format="json") | {"PATH": os.defpath}
    with running([command, "serve"], cwd=tmp_path, env=env) as server:
        url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        response = httpx.post(f"{url}/predict", json={"reviews": ["A superb film."]})
        assert response.json()["model"] == {"name": "imdb", "version": NEWEST}
        assert httpx.get(f"{url}/model").json()["runtime"] == "numpy"
        for path in ("/", "/playground/playground.js", "/docs", "/openapi.json"):
            assert httpx.get(f"{url}{path}", headers={"Accept": "text/html"}).status_code == 200
