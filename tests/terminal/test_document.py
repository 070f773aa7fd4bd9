"""The examples in docs/reference/terminal.md and in the help work, and the document is up to date."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.commands import check, explain, score
from app.commands.main import SUMMARIES, app
from tests.servers import PATIENCE, ROOT
from tests.terminal.terminals import SGR, on_terminal, variables

DOCUMENT = (ROOT / "docs/reference/terminal.md").read_text()
COMMAND = r"\bpython -m app\b|\breview-sentiment\b"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
HELP = "\n".join(inspect.getdoc(command) or "" for command in (score.run, explain.run, check.run))
EXAMPLES = {line for language, block in BLOCKS if language == "sh" for line in block.splitlines()}
EXAMPLES |= {line.strip().partition(" | jq")[0] for line in re.findall(r"^ {4}.+$", HELP, re.MULTILINE)}


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_example_runs(tmp_path: Path, example: str) -> None:
    for name in ("app", "models"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("review.txt", "reviews.txt"):
        (tmp_path / name).write_text("A superb film.\n")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", re.sub(COMMAND, f"{sys.executable} -m app", example)],
        cwd=tmp_path,
        env=variables({"SENTIMENT_RUNTIME": "numpy"}),  # tests/terminal/test_check.py runs `check` with TensorFlow, too
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_document_shows_what_a_terminal_shows() -> None:
    table = on_terminal("score", "One of the best films I have seen.", "A dull waste of time.")
    versions = ("--model-version", "1", "--model-version", "3")
    comparison = on_terminal("score", *versions, "Not bad at all.", "I loved it, zyzzyva!")
    explanation = on_terminal("explain", "A superb cast, but not a good film.")
    shown = [block.splitlines() for language, block in BLOCKS if not language and "review-sentiment" not in block]
    for block, screen in zip(shown, (table, comparison, explanation), strict=True):
        lines = [line.rstrip() for line in SGR.sub("", screen).splitlines()]
        assert [line for line in block if line.strip() != "…" and line not in lines] == []


def test_options_and_commands_of_the_document_exist() -> None:
    helps = [CliRunner().invoke(app, [*command, "--help"]) for command in ((), *((name,) for name in SUMMARIES))]
    known = "".join(each.stdout for each in helps)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", re.sub("uvx --from.*", "", DOCUMENT)))
    assert {"--port", "--whole", "--install-completion"} < named <= set(re.findall(r"--[a-z-]+", known))
    assert set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)) == set(SUMMARIES)


def test_document_says_how_far_runtimes_may_differ() -> None:
    (tolerance,) = re.findall(r"^RUNTIME_TOLERANCE = (\S+)$", (ROOT / "training/train.py").read_text(), re.MULTILINE)
    assert f"to {float(tolerance):f}".rstrip("0") in (ROOT / "docs/reference/bundle.md").read_text()
