"""The examples of docs/terminal.md and of the help work, and the document is up to date."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from tests.servers import PATIENCE, ROOT
from tests.terminal.terminals import SGR, on_terminal, piped, variables

DOCUMENT = (ROOT / "docs/terminal.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
EXAMPLES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
HELP = "\n".join(inspect.getdoc(command) or "" for command in (cli.score, cli.explain, cli.check))
EXAMPLES += [
    line.strip().removesuffix(" | jq .manifest.metrics") for line in re.findall(r"^ {4}.+$", HELP, re.MULTILINE)
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that examples read."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("app", "models"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("review.txt", "reviews.txt"):
        (folder / name).write_text("A superb film.\n")
    return folder


@pytest.mark.parametrize("example", sorted(set(EXAMPLES)))
def test_example_runs(checkout: Path, example: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", re.sub(r"\bpython\b", sys.executable, example)],
        cwd=checkout,
        env=variables({}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_document_shows_what_a_terminal_shows() -> None:
    table = on_terminal("score", "One of the best films I have seen.", "A dull waste of time.")
    explanation = on_terminal("explain", "A superb cast, but not a good film.")
    shown = [block.splitlines() for language, block in BLOCKS if not language and "python" not in block]
    for block, screen in zip(shown, (table, explanation), strict=True):
        lines = [line.rstrip() for line in SGR.sub("", screen).splitlines()]
        for line in block:
            assert line.strip() == "…" or line in lines


def test_options_of_the_document_exist() -> None:
    commands = ((), ("serve",), ("score",), ("explain",), ("check",))
    known = "".join(piped(*command, "--help", COLUMNS="200").stdout.decode() for command in commands)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub("pip install.*", "", DOCUMENT)))
    assert {"--port", "--whole", "--install-completion"} < named <= set(re.findall(r"--[a-z-]+", known))
    assert set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)) == {
        c.callback.__name__ for c in cli.app.registered_commands if c.callback
    }


def test_document_says_how_far_runtimes_may_differ() -> None:
    tolerance = re.search(r"^RUNTIME_TOLERANCE = (\S+)$", (ROOT / "training/train.py").read_text(), re.MULTILINE)
    assert tolerance
    assert f"to {tolerance[1]}." in DOCUMENT
