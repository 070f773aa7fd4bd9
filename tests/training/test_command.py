"""`python -m training` as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.inference.bundle import load_bundle
from tests.servers import ROOT, run_python, wait_until
from training.__main__ import main

SMALL = ["--validation", "40", "--epochs", "2", "--batch-size", "16"]


def test_train_writes_bundles_and_compares_them_with_the_book(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "imdb"
    arguments = ["--dataset", str(archive), "--output", str(output), *SMALL]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for expected in ("0.883", "0.293", "(the book: 4)"):
        assert expected in printed
    changes = ["--layers", "1", "--units", "8", "--loss", "mse", "--activation", "tanh", "--learning-rate", "0.01"]
    assert main([*arguments, *changes, "--seed", "4294967295"]) == 0
    first, second = (load_bundle(output / version).manifest.recipe for version in "12")
    assert first["epochs"] == 2
    assert (second["hidden_units"], second["loss"], second["learning_rate"]) == ([8], "mse", 0.01)
    assert second["seed"] == 4294967295
    assert "version 1" in (output / "2/report/MODEL_CARD.md").read_text()
    assert main([*arguments, "--version", "1"]) == 1
    assert "immutable" in capsys.readouterr().err


COMPARE = ["compare", "models/imdb/1", "models/imdb/2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(([option, "0"], "not a whole number from 1") for option in ("--version", "--epochs", "--validation")),
        (["--batch-size", "-1"], "not a whole number from 1"),
        (["--seed", "4294967296"], "not a whole number from 0 to 4294967295"),
        (["curve", "--seeds", "0", "-1"], "not a whole number from 0 to 4294967295"),
        *((["--learning-rate", rate], "not a number above 0") for rate in ("nan", "inf", "0", "fast")),
        (["curve", "--dataset", "keras"], "curve needs reviews as texts"),
        ([*COMPARE, "--dataset", "keras"], "compare needs reviews as texts"),
        (["train", "--recipe", "best", "--dataset", "keras"], "--recipe book"),
        *(
            ([*command, "--dataset", "a.tar.gz", "--text-column", "body", "--skip-bad-rows"], "--text-column and")
            for command in (["train"], ["curve"], COMPARE)
        ),
        (["--dataset", "my.csv"], "add --output models/mine"),
        (["experiments", "--dataset", "my.csv"], "curve"),
    ],
)
def test_wrong_options_are_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


WITHOUT = """
import sys
for module in ("matplotlib", "scipy", "sklearn"):
    sys.modules[module] = None
from training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_training_without_its_packages_says_what_to_install(archive: Path, tmp_path: Path) -> None:
    """As after `make setup`, which installs what serving needs."""
    output = tmp_path / "output"
    done = run_python("-c", WITHOUT, "--dataset", str(archive), "--output", str(output))
    assert done.returncode == 1
    assert "error: scipy is not installed; `make setup-training`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not output.exists()
    assert "\nsetup-training: $(VENV)/.training " in (ROOT / "Makefile").read_text()


def test_train_without_network_says_how_to_pass_a_copy(tmp_path: Path) -> None:
    """The default source, behind a proxy that does not exist."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_python("-m", "training", "--output", str(tmp_path / "imdb"), env=environment)
    assert done.returncode == 1
    assert "--dataset aclImdb_v1.tar.gz" in done.stderr
    assert not (tmp_path / "imdb").exists()


def test_interrupt_leaves_no_half_bundle(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "imdb"
    options = ["--dataset", str(archive), "--output", str(output), "--validation", "40", "--epochs", "100000"]
    with subprocess.Popen([sys.executable, "-m", "training", *options], cwd=ROOT, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: output.exists() and any(output.iterdir()))
            time.sleep(1)  # well into the first epochs
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert list(output.iterdir()) == []
