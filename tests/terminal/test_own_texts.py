"""The commands of docs/how-to/own-texts.md run, in order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.bundles.reading import load_bundle
from tests.evaluation.labelled import texts, write_csv
from tests.models import MODELS
from tests.servers import ROOT

PAGE = (ROOT / "docs/how-to/own-texts.md").read_text()
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


@pytest.mark.slow
def test_commands_of_the_page_run(tmp_path: Path) -> None:
    rows = [(text, "positive" if positive else "negative") for text, positive in texts()]
    write_csv(tmp_path / "labelled.csv", rows[:100])
    write_csv(tmp_path / "newer.csv", rows[100:200])
    (tmp_path / "models/imdb").mkdir(parents=True)
    (tmp_path / "models/imdb/3").symlink_to(MODELS / "3")
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-euc", command.replace("review-sentiment", f"{sys.executable} -m app")],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, ""), command
    assert len(COMMANDS) == 4
    calibration = load_bundle(tmp_path / "my-model/1").manifest.calibration
    assert calibration is not None
    assert calibration.texts == 100
