"""`python -m training` as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.inference.bundle import load_bundle
from tests.servers import PATIENCE, ROOT, run_python
from training.__main__ import main
from training.options import chosen_recipe, parser
from training.recipe import BEST, BOOK

SMALL = ["--validation", "40", "--epochs", "2", "--batch-size", "16"]


def test_main_writes_a_bundle_and_prints_both_results(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "imdb"
    assert main(["--dataset", str(archive), "--output", str(output), *SMALL]) == 0
    printed = capsys.readouterr().out
    assert "0.883" in printed
    assert "0.293" in printed
    assert load_bundle(output / "1").manifest.recipe["epochs"] == 2
    assert main(["--dataset", str(archive), "--output", str(output), *SMALL]) == 0
    assert load_bundle(output / "2").manifest.version == "2"


def test_main_over_an_existing_version_is_refused(
    archive: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dataset", str(archive), "--output", str(models), "--version", "1", *SMALL]) == 1
    assert "immutable" in capsys.readouterr().err


def test_main_with_a_wrong_path_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", str(tmp_path / "nowhere"), "--output", str(tmp_path / "imdb")]) == 1
    assert "no such archive or folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [["--version", "one"], ["--version", "0"], ["--epochs", "0"], ["--batch-size", "-1"]]
)
def test_main_with_wrong_options_explains(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(options)
    assert raised.value.code == 2
    assert "whole number" in capsys.readouterr().err


def test_options_change_the_recipe() -> None:
    given = "train --layers 3 --units 64 --activation tanh --loss mse --learning-rate 0.01 --seed 7".split()  # noqa: SIM905
    recipe = chosen_recipe(parser().parse_args(given))
    assert recipe == replace(BOOK, hidden_units=(64, 64, 64), activation="tanh", loss="mse", learning_rate=0.01, seed=7)
    assert chosen_recipe(parser().parse_args(["train"])) == BOOK
    assert chosen_recipe(parser().parse_args(["train", "--recipe", "best"])) == BEST


def test_main_trains_a_changed_recipe(archive: Path, tmp_path: Path) -> None:
    changes = ["--layers", "1", "--units", "8", "--loss", "mse", "--activation", "tanh", "--learning-rate", "0.01"]
    assert main(["--dataset", str(archive), "--output", str(tmp_path / "imdb"), *SMALL, *changes]) == 0
    recipe = load_bundle(tmp_path / "imdb/1").manifest.recipe
    assert (recipe["hidden_units"], recipe["loss"], recipe["learning_rate"]) == ([8], "mse", 0.01)


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    printed = capsys.readouterr().out
    assert "examples:" in printed
    assert "--dataset keras" in printed


def test_main_without_network_says_how_to_pass_a_copy(tmp_path: Path) -> None:
    """The default source, with a proxy that nothing listens behind."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_python("-m", "training", "--output", str(tmp_path / "imdb"), env=environment)
    assert done.returncode == 1
    assert "--dataset aclImdb_v1.tar.gz" in done.stderr
    assert not (tmp_path / "imdb").exists()


def test_interrupt_leaves_no_half_bundle(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "imdb"
    options = ["--dataset", str(archive), "--output", str(output), "--validation", "40", "--epochs", "100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *options],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (output.exists() and list(output.iterdir())):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1)  # well into the first epochs
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert list(output.iterdir()) == []
