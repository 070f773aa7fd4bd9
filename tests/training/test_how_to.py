"""docs/how-to/train-on-your-own-reviews.md: its commands run, in order, and do what the page says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.inference.bundle import load_bundle
from tests.servers import ROOT, serving
from training.entries import LABELS
from training.options import parser

PAGE = (ROOT / "docs/how-to/train-on-your-own-reviews.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LONG = 300
"""Seconds for a training that takes ten on a quiet machine."""


def run(command: str, folder: Path) -> str:
    """Run a block of the page in a folder that has what a checkout has."""
    command = command.replace(".venv/bin/python", sys.executable)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=LONG
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page's file and the bundle trained on it."""
    folder = tmp_path_factory.mktemp("how-to")
    (folder / "models").mkdir()
    (folder / "models/imdb").symlink_to(ROOT / "models/imdb")
    write, train, *_ = BLOCKS
    assert write.startswith("cat > my.csv")
    run(write, folder)
    printed = run(train, folder)
    assert "6 test reviews" in printed
    assert "bundle: models/mine/1" in printed
    return folder


def test_page_has_the_blocks_that_are_run_here() -> None:
    kinds = ["cat > my.csv", "-m training --dataset", "-m training compare", "-m training curve", "curl"]
    assert len(BLOCKS) == len(kinds)
    assert all(kind in block for kind, block in zip(kinds, BLOCKS, strict=True))
    assert "make train REVIEWS=my.csv OUTPUT=models/mine" in PAGE


def test_page_compares_with_the_shipped_bundle(folder: Path) -> None:
    assert "should B replace A? no: the difference could well be chance" in run(BLOCKS[2], folder)


def test_page_runs_a_curve(folder: Path) -> None:
    assert "recipe book, measured on 5 reviews set aside" in run(BLOCKS[3], folder)


def test_page_asks_the_new_bundle(folder: Path) -> None:
    assert "SENTIMENT_MODEL_DIR=models/mine make serve" in PAGE
    with serving(model_dir=folder / "models/mine", runtime="litert") as server:
        answer = json.loads(run(BLOCKS[4].replace("http://127.0.0.1:8000", server.url), folder))
    assert answer["model"] == {"name": "mine", "version": "1"}
    assert [prediction["sentiment"] for prediction in answer["predictions"]] == ["positive", "negative"]


def test_page_says_what_is_in_the_bundle(folder: Path) -> None:
    """No text, and no word that a single training review holds."""
    bundle = folder / "models/mine/1"
    texts = [line.rsplit(",", 1)[0].strip('"') for line in (folder / "my.csv").read_text().splitlines()[1:]]
    for path in bundle.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(text.encode() in content for text in texts), path
    index = load_bundle(bundle).vocabulary.word_index
    assert "room" in index
    assert "desk" not in index


def test_page_names_every_label_and_existing_options() -> None:
    for label in set(LABELS) - {"1.0", "0.0"}:
        assert f"`{label}`" in PAGE
    help_ = parser().parse_args(["train"])
    for option in set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", PAGE)) - {"sizes"}:
        assert hasattr(help_, option.replace("-", "_")), option


def test_page_table_shows_what_was_measured() -> None:
    """A row a size, and never worse with more."""
    rows = re.findall(r"^\| ([\d,]+) \| (0\.\d+) ± [\d.]+ \| (0\.\d+) ± [\d.]+ \|$", PAGE, re.MULTILINE)
    assert [size for size, _, _ in rows] == ["200", "1,000", "5,000", "20,000"]
    accuracies, losses = ([float(row[column]) for row in rows] for column in (1, 2))
    assert accuracies == sorted(accuracies)
    assert losses == sorted(losses, reverse=True)
