"""docs/terminal.md and the help say what the commands do."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import parser
from app.terminal.options import CHECK, CHECK_EXITS, EXITS, EXPLAIN, SCORE
from tests.servers import PATIENCE, ROOT, run_python
from tests.terminal.conftest import Called
from tests.terminal.terminals import on_terminal, surroundings

DOCUMENT = (ROOT / "docs/terminal.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
EXAMPLES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where examples may write, with what they read."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("app", "models"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(sys.executable)
    return folder


@pytest.mark.parametrize("example", [line for line in EXAMPLES if line != "python -m app check"])
def test_example_runs(checkout: Path, example: str) -> None:
    command = re.sub(r"\bpython\b", sys.executable, example)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=checkout,
        env=surroundings({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_document_shows_what_a_terminal_shows() -> None:
    table = on_terminal("score", "One of the best films I have seen.", "A dull waste of time.", width=80)
    explained = on_terminal("explain", "A superb cast, but not a good film.", width=80)
    shown = [block.splitlines() for language, block in BLOCKS if not language]
    for block, screen in zip(shown, (table, explained), strict=False):
        lines = [line.rstrip() for line in screen.text.splitlines()]
        for line in block:
            assert line.strip() == "…" or line in lines, line


def test_examples_of_the_help_are_understood() -> None:
    commands = re.findall(r"python -m app (.*?)(?: {2,}.*| \|.*)?$", SCORE + EXPLAIN + CHECK, re.MULTILINE)
    assert len(commands) == 13
    for command in commands:
        words = [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', command)]
        if words[0] in ("score", "explain", "check"):
            assert parser().parse_args(words).command == words[0]


def test_options_of_the_document_are_those_of_the_commands(called: Called) -> None:
    known = "".join(called(command, "--help").stdout for command in ("score", "explain", "check"))
    assert set(re.findall(r"`(--[a-z-]+)", DOCUMENT)) <= set(re.findall(r"--[a-z-]+", known))


def test_document_and_help_say_which_runtimes_check_tries(called: Called) -> None:
    assert "`check` tries every runtime that is installed unless\n`--runtime` names one" in DOCUMENT
    shown = " ".join(called("check", "--help").stdout.split())
    assert "try this one alone, not every one that is installed; SENTIMENT_RUNTIME does not count here" in shown


def test_document_says_how_far_runtimes_may_be_apart() -> None:
    tolerance = re.search(r"^RUNTIME_TOLERANCE = (\S+)$", (ROOT / "training/train.py").read_text(), re.MULTILINE)
    assert tolerance
    assert f"The two agree to {tolerance[1]};" in DOCUMENT


def test_exit_codes_of_the_document_are_in_the_help() -> None:
    codes = re.findall(r"^\| (\d+) \|", DOCUMENT, re.MULTILINE)
    assert codes == ["0", "1", "2", "130", "141"]
    assert all(re.search(rf"\b{code} ", EXITS) for code in codes)
    assert all(re.search(rf"\b{code} ", CHECK_EXITS) for code in codes[:3])


def test_help_lists_the_commands_before_the_settings(called: Called) -> None:
    shown = called("--help").stdout
    places = [shown.index(word) for word in ("    serve ", "    score ", "    check ", "examples:", "SENTIMENT_PORT")]
    assert places == sorted(places)


def test_start_of_the_service_loads_nothing_for_terminals() -> None:
    program = "import sys, app.__main__ as m; m.parser(); print(*sys.modules)"
    loaded = set(run_python("-c", program).stdout.split())
    assert "app.terminal.options" in loaded
    assert not {"rich", "numpy", "fastapi", "uvicorn", "argcomplete", "app.terminal.commands"} & loaded


def test_score_loads_no_web_framework_and_no_tensorflow() -> None:
    program = "import sys; from app.__main__ import main; main(['score', 'good']); print(*sys.modules)"
    loaded = set(run_python("-c", program).stdout.split())
    assert "rich.console" in loaded
    assert not {"fastapi", "starlette", "uvicorn", "tensorflow", "prometheus_client"} & loaded


def test_unknown_command_is_refused(called: Called) -> None:
    done = called("scroe", "good")
    assert done.returncode == 2
    assert "invalid choice: 'scroe'" in done.stderr


COMPLETE = """
. "$(python -c 'import argcomplete; print(argcomplete.__path__[0])')/bash_completion.d/_python-argcomplete"
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
read -ra COMP_WORDS <<< "$1"
if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); fi
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete_global python
echo "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("python -m app s", "serve score"),
        ("python -m app score --run", "--runtime"),
        ("python -m app check --runtime ", "tensorflow litert"),
        ("python -m app check mod", "models/"),
    ],
)
def test_bash_completes_commands_options_and_values(checkout: Path, line: str, completions: str) -> None:
    pytest.importorskip("argcomplete")
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", line],
        cwd=checkout,
        env=surroundings({"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert [word.strip() for word in done.stdout.split()] == completions.split(), done.stderr
