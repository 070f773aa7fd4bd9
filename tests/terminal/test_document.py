"""The examples of the documents about commands and of the help work, and the documents are up to date."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.bundles.reading import load_bundle
from app.commands import check, explain, score
from app.commands.main import SUMMARIES, app
from tests.evaluation.labelled import texts, write_csv
from tests.servers import PATIENCE, ROOT
from tests.terminal.terminals import SGR, on_terminal, variables

DOCUMENT, OWN_TEXTS = ((ROOT / f"docs/{name}.md").read_text() for name in ("reference/terminal", "how-to/own-texts"))
COMMAND = r"\bpython -m app\b|\breview-sentiment\b"
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
HELP = "\n".join(inspect.getdoc(command) or "" for command in (score.run, explain.run, check.run))
EXAMPLES = {line for language, block in BLOCKS if language == "sh" for line in block.splitlines()}
EXAMPLES |= {line.strip().partition(" | jq")[0] for line in re.findall(r"^ {4}.+$", HELP, re.MULTILINE)}


def run(example: str, folder: Path) -> str:
    """Run a command in a folder with the package and the bundles, and return its output."""
    for name in ("app", "models"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", re.sub(COMMAND, f"{sys.executable} -m app", example)],
        cwd=folder,
        env=variables({"SENTIMENT_RUNTIME": "numpy"}),  # tests/terminal/test_check.py runs `check` with TensorFlow, too
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, ""), example
    return done.stdout


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_example_runs(tmp_path: Path, example: str) -> None:
    for name in ("review.txt", "reviews.txt"):
        (tmp_path / name).write_text("A superb film.\n")
    assert run(example, tmp_path)


@pytest.mark.slow
def test_examples_with_own_texts_run_in_order(tmp_path: Path) -> None:
    rows = [(text, "positive" if positive else "negative") for text, positive in texts()]
    write_csv(tmp_path / "labelled.csv", rows[:100])
    write_csv(tmp_path / "newer.csv", rows[100:200])
    examples = "".join(re.findall(r"^```sh\n(.*?)^```", OWN_TEXTS, re.MULTILINE | re.DOTALL)).splitlines()
    assert len(examples) == 4
    for example in examples:
        run(example, tmp_path)
    calibration = load_bundle(tmp_path / "my-model/1").manifest.calibration
    assert calibration is not None
    assert calibration.texts == 100


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
