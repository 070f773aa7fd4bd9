"""The wheel, installed into an empty environment, works in any folder."""

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


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console command of the installed wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", folder, ".")
    (wheel,) = folder.glob("*.whl")
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "install", "--python", folder / "venv/bin/python", wheel)
    return folder / "venv/bin/review-sentiment"


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
