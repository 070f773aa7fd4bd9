"""The commands of docs/how-to/train-on-your-own-reviews.md run, in order, and do what the page says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.bundles.reading import load_bundle
from app.evaluation.labelled import LABELS
from tests.servers import ROOT, serving
from tests.training.commands import run as training

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/how-to/train-on-your-own-reviews.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    command = command.replace(".venv/bin/python", sys.executable)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_of_the_page_run(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "models").mkdir()
    (folder / "models/imdb").symlink_to(ROOT / "models/imdb")
    (folder / "docs").symlink_to(ROOT / "docs")
    write, train, compare, curve, ask = BLOCKS
    run(write, folder)
    printed = run(train, folder)
    assert "6 test reviews" in printed
    assert "bundle: models/mine/1" in printed
    assert "should B replace A? no: the difference could well be chance" in run(compare, folder)
    assert "recipe book, measured on 5 reviews" in run(f"{curve.strip()} --seeds 0", folder)

    bundle = folder / "models/mine/1"
    with serving(model_dir=bundle.parent, runtime="numpy") as server:
        answer = json.loads(run(ask.replace("http://127.0.0.1:8000", server.url), folder))
    assert answer["model"] == {"name": "mine", "version": "1"}
    assert [prediction["sentiment"] for prediction in answer["predictions"]] == ["positive", "negative"]

    # A bundle contains no text, and no word that only one training review has.
    texts = [line.rsplit(",", 1)[0].strip('"') for line in (folder / "my.csv").read_text().splitlines()[1:]]
    for path in bundle.rglob("*"):
        assert path.is_dir() or not any(text.encode() in path.read_bytes() for text in texts), path
    index = load_bundle(bundle).vocabulary.word_index
    assert "room" in index
    assert "desk" not in index


def test_page_names_every_label_and_existing_options() -> None:
    for label in set(LABELS) - {"1.0", "0.0"}:
        assert f"`{label}`" in PAGE
    options = "".join(training(command, "--help").stdout for command in ("train", "curve"))
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE)):
        assert option in options
    for command in (
        "make train REVIEWS=my.csv OUTPUT=models/mine",
        "SENTIMENT_MODEL_DIR=models/mine make serve RUNTIME=numpy",
    ):
        assert command in PAGE


def test_make_train_takes_own_reviews() -> None:
    command = ["make", "--dry-run", "train", "REVIEWS=my.csv more.csv", "OUTPUT=models/mine", "RECIPE=best"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--recipe best --dataset my.csv more.csv --output models/mine" in printed
    assert "aclImdb" not in printed
