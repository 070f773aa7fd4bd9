"""`python -m app evaluate`: figures, formats, and files that cannot be used."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.bundles.reading import load_bundle
from app.commands.main import app
from tests.evaluation.labelled import texts, write_csv
from tests.models import MODELS, NEWEST
from tests.terminal.terminals import SGR, on_terminal, piped, refusal
from tests.training.test_disk_full import contents, files_no_larger_than


def run(*arguments: object, code: int = 0, version: str = NEWEST) -> str:
    """Run in this process; the output, or the message of a failure."""
    env = {"SENTIMENT_RUNTIME": "numpy", "SENTIMENT_MODEL_VERSION": version}
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env=env)
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


def evaluation(*arguments: object, version: str = NEWEST) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json", version=version))
    return found


@pytest.fixture
def my(tmp_path: Path) -> Path:
    """400 labelled texts."""
    return write_csv(tmp_path / "my.csv", [(text, int(positive)) for text, positive in texts()[:400]])


def test_evaluate_measures_the_default_bundle(my: Path) -> None:
    found = evaluation(my)
    assert found["model"] == {"name": "imdb", "version": NEWEST, "digest": load_bundle(MODELS / NEWEST).digest}
    assert (found["file"]["name"], found["reviews"]) == ("my.csv", 400)
    low, high = found["accuracy_interval"]
    assert found["majority_accuracy"] < low < found["accuracy"] < high
    assert found["loss"] < found["base_rate_loss"] < 0.6932
    assert sum(bin_["share"] for bin_ in found["reliability"]) == pytest.approx(1)
    assert {0.1, 0.5, 0.9, found["best_threshold"]["threshold"]} <= {each["threshold"] for each in found["thresholds"]}
    wrong = round(400 * (1 - found["accuracy"]))
    assert len(found["mistakes"]) == min(10, wrong)
    first, *_, last = [abs(each["positive_probability"] - 0.5) for each in found["mistakes"]]
    assert first > last > 0
    place, line = found["mistakes"][0]["place"].split(":")
    assert (place, my.read_text().splitlines()[int(line) - 1].rpartition(",")[0]) == (
        "my.csv",
        found["mistakes"][0]["text"],
    )
    assert evaluation(my, version="1")["loss"] != found["loss"]


def test_evaluate_shows_the_figures_without_tensorflow(my: Path) -> None:
    done = piped("evaluate", str(my), missing=["tensorflow", "matplotlib"])
    assert (done.returncode, done.stderr) == (0, b"")
    found, shown = evaluation(my), done.stdout.decode()
    for name in ("accuracy", "majority_accuracy", "auc", "loss", "base_rate_loss", "calibration_error"):
        assert f"{found[name]:.3f}" in shown
    assert shown.count("●") == len(found["reliability"]) + 1
    assert f"Most accurate threshold: {found['best_threshold']['threshold']:.2f}" in shown
    assert "These texts are too few to tell" in shown


def test_evaluate_says_when_the_model_is_useless(my: Path) -> None:
    rows = [(text, i % 3 == 0) for i, (text, _) in enumerate(texts()[:200])]
    found = evaluation(write_csv(my, rows))
    assert "useless" in found["warnings"][0]
    assert any("worse than always predicting the share" in warning for warning in found["warnings"])


def test_evaluate_writes_a_report_that_interprets_nothing(my: Path, tmp_path: Path) -> None:
    rows = [(f"{text} `**superb** [x](y)`\n# superb", 0) for text, _ in texts()[:15]]
    write_csv(my, rows + [(text, int(positive)) for text, positive in texts()])
    run(my, "--report", tmp_path / "report")
    report = tmp_path / "report"
    document = (report / "report.md").read_text()
    found = json.loads((report / "evaluation.json").read_text())
    assert f"| {found['accuracy']:.4f} |" in document
    assert "'**superb** [x](y)' # superb`" in document
    for name in re.findall(r"\((\w+\.png)\)", document):
        assert (report / name).read_bytes().startswith(b"\x89PNG")
    assert "exists; choose another folder for --report" in refusal("evaluate", str(my), "--report", str(report))


def test_evaluate_on_a_full_disk_leaves_no_report(my: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    with files_no_larger_than(10_000):
        message = run(my, "--report", tmp_path / "report", code=1)
    assert "the report cannot be written" in message
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,stars\nSuperb,1\n", "there is no column named label or sentiment, only 'text', 'stars'"),
        ("text,label\n" + "Superb,1\n" * 30, "no text is negative"),
        ("text,label\n" + "Superb,1\nAwful,0\n" * 5, "5 positive and 5 negative texts, but .* at least 20 texts"),
        ("text,label\nSuperb,meh\n,1\n", "(?s)2 of 2 rows cannot be used.*unknown label 'meh'.*the text is blank"),
        ("text,label\n", "no rows below the header"),
    ],
)
def test_evaluate_of_a_file_that_cannot_be_used_says_why(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "my.csv").write_text(content)
    assert re.search(message, run(tmp_path / "my.csv", code=1))


def test_evaluate_without_its_packages_says_how_to_install_them(my: Path) -> None:
    done = piped("evaluate", str(my), missing=["sklearn"])
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"requirements/evaluation.txt`" in done.stderr


@pytest.mark.slow
def test_evaluate_never_lets_a_text_steer_the_terminal(my: Path) -> None:
    rows = [(text, int(positive)) for text, positive in texts()[:200]]
    write_csv(my, [*rows, *[("Superb, wonderful, excellent!\x1b]0;mine\x07 [red]x[/red]", 0)] * 10])
    shown = SGR.sub("", on_terminal("evaluate", str(my), "--runtime", "numpy", width=120))
    assert "excellent!�]0;mine� [red]x[/red]" in shown
    assert "\x1b" not in shown
