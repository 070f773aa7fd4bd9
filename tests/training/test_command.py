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
    assert "(the book: 4)" in printed
    assert load_bundle(output / "1").manifest.recipe["epochs"] == 2
    assert main(["--dataset", str(archive), "--output", str(output), *SMALL]) == 0
    assert load_bundle(output / "2").manifest.version == "2"


def test_main_compares_epochs_with_the_book_only_where_they_are_chosen(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--recipe", "best", "--dataset", str(archive), "--output", str(tmp_path / "imdb"), *SMALL]) == 0
    assert "epochs: 2\n" in capsys.readouterr().out


def test_main_over_an_existing_version_is_refused(
    archive: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dataset", str(archive), "--output", str(models), "--version", "1", *SMALL]) == 1
    assert "immutable" in capsys.readouterr().err


def test_main_with_a_wrong_path_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", str(tmp_path / "nowhere"), "--output", str(tmp_path / "imdb")]) == 1
    assert "no such archive or folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of options that do not do."""
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--version", "one"], "not a whole number from 1"),
        (["--version", "0"], "not a whole number from 1"),
        (["--epochs", "0"], "not a whole number from 1"),
        (["--batch-size", "-1"], "not a whole number from 1"),
        (["--validation", "0"], "not a whole number from 1"),
        (["--seed", "-1"], "not a whole number from 0 to 4294967295"),
        (["--seed", "4294967296"], "not a whole number from 0 to 4294967295"),
        (["curve", "--seeds", "0", "-1"], "not a whole number from 0 to 4294967295"),
        (["experiments", "--seeds", "x"], "not a whole number from 0 to 4294967295"),
        *((["--learning-rate", rate], "not a number above 0") for rate in ("nan", "inf", "0", "-1", "fast")),
    ],
)
def test_main_with_wrong_options_explains(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in refusal(options, capsys)


def test_largest_seed_is_taken(archive: Path, tmp_path: Path) -> None:
    output = tmp_path / "imdb"
    assert main(["--dataset", str(archive), "--output", str(output), "--seed", "4294967295", *SMALL]) == 0
    assert load_bundle(output / "1").manifest.recipe["seed"] == 4294967295


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["curve"], "curve needs reviews as texts"),
        (["compare", "models/imdb/1", "models/imdb/2"], "compare needs reviews as texts"),
        (["train", "--recipe", "best"], "take --recipe book"),
        (["experiments", "--recipe", "best"], "take --recipe book"),
    ],
)
def test_keras_where_it_cannot_serve_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = refusal([*arguments, "--dataset", "keras"], capsys)
    assert words in printed
    assert "--dataset aclImdb_v1.tar.gz" in printed


@pytest.mark.parametrize(
    ("command", "keras", "own"),
    [("train", True, True), ("experiments", True, False), ("compare", False, True), ("curve", False, True)],
)
def test_help_names_the_reviews_that_a_command_takes(
    command: str, keras: bool, own: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    _, _, printed = " ".join(capsys.readouterr().out.split()).rpartition("archives or folders of raw IMDB reviews")
    printed, _, _ = printed.partition("default: the official archive")
    assert ("the word `keras`" in printed) is keras
    assert ("your own reviews" in printed) is own


@pytest.mark.parametrize("command", [["train"], ["curve"], ["compare", "models/imdb/1", "models/imdb/2"]])
def test_options_for_own_reviews_are_refused_with_archives(
    command: list[str], archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = refusal([*command, "--dataset", str(archive), "--text-column", "body", "--skip-bad-rows"], capsys)
    assert "--text-column and --skip-bad-rows: only files of your own reviews" in printed


WITHOUT = """
import sys
for module in ("matplotlib", "scipy", "sklearn"):
    sys.modules[module] = None
from training.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("command", "package"), [("train", "scipy"), ("experiments", "matplotlib")])
def test_main_without_its_packages_says_what_to_install(
    archive: Path, tmp_path: Path, command: str, package: str
) -> None:
    """As after `make setup`, which installs what serving needs."""
    output = tmp_path / "output"
    done = run_python("-c", WITHOUT, command, "--dataset", str(archive), "--output", str(output))
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    assert f"error: {package} is not installed; `make setup-training`" in line
    assert "requirements/training.txt" in line
    assert "Traceback" not in done.stderr
    assert not output.exists()
    makefile = (ROOT / "Makefile").read_text()
    assert "\nsetup-training: $(VENV)/.training " in makefile


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
