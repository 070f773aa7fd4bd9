"""`python -m training` as users run it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.bundles.reading import bundle_versions, load_bundle
from tests.servers import ROOT, run_python, wait_until
from tests.training.commands import run


def test_train_writes_bundles_and_compares_them_with_the_book_and_the_served_one(
    archive: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served, trained = Path("models/imdb"), Path("trained/imdb")
    shutil.copytree(models / "1", served / "1")
    sentences = tmp_path / "sentences.tsv"
    sentences.write_text("1.5\ta superb, moving film\n-2\tan awful, boring film\n")
    arguments = ["--dataset", archive, "--validation", 40, "--epochs", 2, "--batch-size", 16, "--sentences", sentences]
    changes = ["--layers", 1, "--units", 8, "--loss", "mse", "--activation", "tanh", "--learning-rate", 0.0001]
    printed = run(*arguments, *changes, "--seed", 4294967295).stdout
    for expected in ("0.883", "0.293", "(the book: 4)", "certain predictions", "95% interval"):
        assert expected in printed
    assert "trained/imdb/2 is not better than models/imdb/1 in both loss and accuracy" in printed
    assert "serve trained/imdb/2: SENTIMENT_MODEL_DIR=trained/imdb SENTIMENT_MODEL_VERSION=2 make serve" in printed
    assert "serve models/imdb/1: SENTIMENT_MODEL_DIR=models/imdb SENTIMENT_MODEL_VERSION=1 make serve" in printed
    assert bundle_versions(served) == [1]  # what is served by default stays
    card = (trained / "2/report/MODEL_CARD.md").read_text()
    assert "| tiny 1 |" in card
    assert "| short sentences | 2 |" in card
    assert not any(b"a superb, moving" in path.read_bytes() for path in trained.rglob("*") if path.is_file())
    recipe = {"hidden_units": [8], "loss": "mse", "learning_rate": 0.0001, "activation": "tanh", "epochs": 2}
    recorded = load_bundle(trained / "2").manifest.recipe
    assert recorded == recorded | recipe | {"seed": 4294967295, "validation": 40, "batch_size": 16}
    assert "immutable" in run(*arguments, "--version", 2, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", 0], "0 is not in the range x>=1"),
        (["curve", "--seeds", 0, 4294967296], "not in the range 0<=x<=4294967295"),
        *((["--learning-rate", rate], "not a number above 0") for rate in ("nan", "0")),
        *(
            ([*command, "--dataset", "keras"], "Keras has only words")
            for command in (["curve"], ["compare", "models/imdb/1", "models/imdb/3"], ["--recipe", "best"])
        ),
        (["--recipe", "best", "--layers", 1, "--batch-size", 16], "--layers and --batch-size: only for the recipe"),
        (["--dataset", "a.tar.gz", "--text-column", "body", "--skip-bad-rows"], "--text-column and"),
        (["--dataset", "my.csv"], "add --output models/mine"),
        *((["--dataset", "none.tar", "--output", name], "a name must match") for name in ("a b", "a?b#c", "\x1b[2J")),
        (["experiments", "--dataset", "my.csv"], "curve"),
    ],
)
def test_wrong_options_are_explained(arguments: list[object], message: str) -> None:
    assert message in run(*arguments, code=2).stderr


def test_unusable_sentences_are_explained(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "sentences.tsv"
    arguments = ["--dataset", archive, "--output", tmp_path / "imdb", "--sentences", path]
    unusable = {"1\tgood\n2\tfine\n": "both positive and negative", "good\n": "line 1 is not", "x\tgood\n": "could not"}
    for content, message in unusable.items():
        path.write_text(content)
        assert message in run(*arguments, code=1).stderr
    assert not (tmp_path / "imdb").exists()


def test_training_without_its_packages_says_what_to_install(archive: Path, tmp_path: Path) -> None:
    """As after `make setup`, which installs what serving needs."""
    without = "import sys; sys.modules['sklearn'] = None; from training.cli import app; app(sys.argv[1:])"
    done = run_python("-c", without, "--dataset", str(archive), "--output", str(tmp_path / "imdb"))
    assert done.returncode == 1
    assert "sklearn is not installed; `make setup-training`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "imdb").exists()
    assert "\nsetup-training: $(VENV)/.training " in (ROOT / "Makefile").read_text()


@pytest.mark.slow
def test_train_without_network_says_how_to_pass_a_copy(tmp_path: Path) -> None:
    """The default source, behind a proxy that does not exist."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_python("-m", "training", "--output", str(tmp_path / "imdb"), env=environment)
    assert done.returncode == 1
    assert "--dataset aclImdb_v1.tar.gz" in done.stderr
    assert not (tmp_path / "imdb").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_interrupt_leaves_no_half_bundle(archive: Path, tmp_path: Path, number: signal.Signals) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this signal is ignored here, as under nohup")
    output = tmp_path / "imdb"
    options = ["--dataset", str(archive), "--output", str(output), "--validation", "40", "--epochs", "100000"]
    with subprocess.Popen([sys.executable, "-m", "training", *options], cwd=ROOT, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: output.exists() and any(output.iterdir()))
            time.sleep(1)  # well into the first epochs
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert list(output.iterdir()) == []
