"""The commands around the service: options, help, bulk scoring and completion."""

import json
import os
import re
import tomllib
from pathlib import Path

import httpx
import pytest

from app.settings import PREFIX, Settings, default_of
from app.terminal.options import load_settings
from tests.servers import ROOT, environment, run_app, run_python, starting


@pytest.mark.parametrize("command", [(), ("serve",)])
def test_serve_options_override_the_environment_of_all_workers(free_port: int, command: tuple[str, ...]) -> None:
    options = f"--host 127.0.0.1 --port {free_port} --workers 2 --runtime litert --model-version 1".split()
    arguments = (*command, *options, "--model-dir", "models/imdb")
    with starting(*arguments, host="192.0.2.1", port=1, runtime="tensorflow", model_dir="/nowhere") as server:
        server.wait_ready(2)
        for _ in range(10):  # some for each worker
            model = httpx.get(f"http://127.0.0.1:{free_port}/model").json()
            assert (model["runtime"], model["version"]) == ("litert", "1")


def test_options_override_settings_without_changing_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_PORT", "not a number")
    before = dict(os.environ)
    settings = load_settings(port=9000, model_version=["3", "1"], runtime=None)
    assert (settings.port, settings.model_version) == (9000, "3,1")
    assert dict(os.environ) == before


def test_serve_help_lists_every_setting_with_its_default() -> None:
    printed = run_app("serve", "--help").stdout
    rows = dict(re.findall(rf"^ +({PREFIX}\w+) +(\S+)", printed, re.MULTILINE))
    assert list(rows) == [PREFIX + name.upper() for name in Settings.model_fields]
    for name in Settings.model_fields:
        assert default_of(name) in (None, rows[PREFIX + name.upper()])


def test_bulk_is_bulk_scoring(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("review\nA superb film.\n\n")
    done = run_app("bulk", str(tmp_path / "reviews.csv"), str(tmp_path / "scored"), "--json", runtime="litert")
    assert (done.returncode, json.loads(done.stdout)["rows"]) == (0, 1)
    assert run_app("bulk", "/nowhere.csv", str(tmp_path / "none")).returncode == 2


def test_console_command_is_completed() -> None:
    (name, target), *_ = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].items()
    module, attribute = target.split(":")
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    asked = {variable: "complete_bash", "COMP_WORDS": f"{name} sc", "COMP_CWORD": "1"}
    program = f"import sys; from {module} import {attribute}; sys.argv[0] = {name!r}; {attribute}()"
    done = run_python("-c", program, env=environment() | asked)
    assert done.stdout.split() == ["score"]
