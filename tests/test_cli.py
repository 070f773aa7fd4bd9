"""The commands around the service: options, help, bulk scoring and completion."""

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app import __version__
from app.commands.main import SUMMARIES, app
from app.settings import PREFIX, Settings, default_of
from tests.servers import PATIENCE, ROOT, environment, run_app, run_python, starting
from tests.terminal.terminals import SGR, modules_of, on_terminal

USAGES = {
    "serve": "",
    "score": "[REVIEW]...",
    "explain": "[REVIEW]...",
    "evaluate": "FILE",
    "calibrate": "FILE OUTPUT",
    "check": "[BUNDLE]",
    "bulk": "INPUT OUTPUT",
    "openapi": "",
}
"""Command -> its arguments."""


@pytest.mark.parametrize("command", [(), ("serve",)])  # none: services that were set up when it was the default
def test_serve_options_override_the_environment_of_all_workers(free_port: int, command: tuple[str, ...]) -> None:
    options = f"--host 127.0.0.1 --port {free_port} --workers 2 --runtime numpy --model-version 1".split()
    arguments = (*command, *options, "--model-dir", "models/imdb")
    with starting(*arguments, host="192.0.2.1", port="http", runtime="tensorflow", model_dir="/nowhere") as server:
        server.wait_ready(2)
        for _ in range(10):  # some for each worker
            model = httpx.get(f"http://127.0.0.1:{free_port}/model").json()
            assert (model["runtime"], model["version"]) == ("numpy", "1")


def test_option_with_a_wrong_value_is_named() -> None:
    done = run_app("--port", "80000", port="9000")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --port: ")


def test_version_is_printed() -> None:
    assert run_app("--version").stdout == run_app("-V").stdout == f"review-sentiment {__version__}\n"


def test_terminal_without_a_command_shows_the_help() -> None:
    shown = on_terminal(width=100)
    assert "Usage: python -m app [OPTIONS] COMMAND" in SGR.sub("", shown)
    assert "--version" in SGR.sub("", shown)


@pytest.mark.parametrize(("command", "arguments"), [*USAGES.items()])
def test_short_option_shows_the_usage_and_the_examples(command: str, arguments: str) -> None:
    help_ = inspect.getdoc(import_module(f"app.commands.{command}").run) or ""
    assert help_.startswith(f"{SUMMARIES[command]}\n")
    done = CliRunner().invoke(app, [command, "-h"], prog_name="python -m app", env={"COLUMNS": "120"})
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"Usage: python -m app {command} [OPTIONS] {arguments}".rstrip() in lines
    examples = re.findall(r"^ {4}(\S.*)", help_, re.MULTILINE)
    assert examples
    assert set(examples) <= set(lines)


def test_former_option_for_the_version_of_the_model_works_and_names_the_new_one() -> None:
    renamed = "note: --version is now called --model-version; the old name works until release 0.4\n"
    for arguments in (("--version", "1"), ("--version=1",)):
        done = run_app("score", "--json", *arguments, "superb")
        assert (json.loads(done.stdout)["model"]["version"], done.stderr) == ("1", renamed)
    assert run_app("--version", "99").stderr.startswith(renamed)  # with a value, it never printed the program's version
    for review in (("--", "--version"), ("I dislike --version",)):
        done = run_app("score", "--json", "--model-version", "1", *review)
        assert (done.returncode, done.stderr) == (0, "")


def test_review_in_place_of_a_command_is_an_error_that_shows_how_to_score_it() -> None:
    done = run_app("It's a superb film.")
    (suggested,) = re.findall("use: python -m app (.*)", done.stderr)
    assert done.returncode == 2
    assert run_app(*shlex.split(suggested)).stdout.endswith("It's a superb film.\n")
    assert "Did you mean 'score'?" in run_app("scor").stderr


def test_console_command_appears_in_help_and_errors() -> None:
    helped = console("score", "--help").stdout
    assert "review-sentiment score --file reviews.txt" in helped
    wrong = console("serve", "--port", "80000").stderr
    assert "`review-sentiment serve --help` lists the settings" in wrong
    assert "python -m app" not in helped + wrong


def test_help_imports_no_command() -> None:
    loaded = modules_of("--help")
    assert "app.commands.main" in loaded
    assert not {"app.settings", "numpy", "fastapi"} & loaded


def test_modules_import_each_other_whatever_the_package_is_called(tmp_path: Path) -> None:
    """The wheel renames it. Without a wheel, as building one is slow."""
    shutil.copytree(ROOT / "app", tmp_path / "renamed", ignore=shutil.ignore_patterns("__pycache__", "__main__.py"))
    program = """
import pkgutil, importlib, sys, renamed
for module in pkgutil.walk_packages(renamed.__path__, "renamed."):
    importlib.import_module(module.name)
assert "app" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""


def test_python_without_the_packages_says_how_to_set_up() -> None:
    done = subprocess.run([sys.executable, "-S", "-m", "app"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "make setup" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_help_lists_every_setting_with_its_default() -> None:
    printed = run_app("serve", "--help").stdout
    rows = dict(re.findall(rf"^ +({PREFIX}\w+) +(\S+)", printed, re.MULTILINE))
    assert list(rows) == [PREFIX + name.upper() for name in Settings.model_fields]
    for name in Settings.model_fields:
        assert default_of(name) in (None, rows[PREFIX + name.upper()])


@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        (">&-", "openapi", 0),
        (">&-", "bulk FILE -", 1),
        ("2>&-", "bulk FILE -", 0),
        ("<&- >&- 2>&-", "score superb", 0),
        (">/dev/full", "--help", 1),
        (">/dev/full", "score superb", 1),
        (">/dev/full", "score superb --json", 1),
        (">/dev/full", "explain superb", 1),
        (">/dev/full", "check --json", 1),
        (">/dev/full", "bulk FILE FILE.csv", 1),
        (">/dev/full", "openapi", 1),
    ],
)
def test_command_whose_streams_are_closed_or_full_fails_only_if_results_are_lost(
    tmp_path: Path, redirection: str, arguments: str, code: int
) -> None:
    (tmp_path / "reviews.csv").write_text("review\nA superb film.\n")
    own = arguments.replace("FILE", str(tmp_path / "reviews.csv")).split()
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "app", *own]
    env = environment(runtime="numpy") | {"FORCE_COLOR": "1"}  # `score` and `explain` print tables
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
    faults = re.findall("error: |Traceback|Exception", done.stderr)
    assert (done.returncode, faults) == (code, ["error: "] * code)


def console(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what the console command of an installed package runs."""
    program = "import sys; from app.__main__ import main; sys.argv[0] = 'review-sentiment'; main()"
    return run_python("-c", program, *arguments, env=environment() | variables)


def test_console_command_is_completed() -> None:
    asked = {"COMP_WORDS": "review-sentiment sc", "COMP_CWORD": "1"}
    assert console(_REVIEW_SENTIMENT_COMPLETE="complete_bash", **asked).stdout.split() == ["score"]


@pytest.mark.parametrize("module", ["app", "training"])
def test_usage_error_is_one_plain_line_whatever_the_terminal(module: str, tmp_path: Path) -> None:
    path = str(tmp_path / ("x" * 120))
    line = [sys.executable, "-m", module, *(["bulk", path, "out"] if module == "app" else ["compare", path])]
    done = subprocess.run(
        line, cwd=ROOT, env=environment() | {"COLUMNS": "40", "TERM": "dumb"}, capture_output=True, text=True
    )
    assert done.returncode == 2
    error, advice = [text for text in done.stderr.splitlines() if text.startswith(("error: ", "try "))]
    assert path in error or module == "training"
    assert advice == f"try `python -m {module} {line[3]} --help`"
    assert not set("╭│╰") & set(done.stderr)
