"""Evaluation, behaviour checks and experiments."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.evaluation.metrics import HeldOut, evaluate
from app.model.prediction import UncertaintyRule
from tests.corpus import files, write_archive
from tests.servers import ROOT
from tests.training.commands import run
from training import book
from training.behaviour import TEMPLATES, behaviour, checks, is_negative, is_positive
from training.book import Book
from training.experiments import write_experiments
from training.report import details

pytestmark = pytest.mark.slow


def test_evaluate_gives_wilsons_interval_and_details_count_each_kind() -> None:
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], np.float32)
    given = np.array([0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1], np.float32)  # 5 of 10 are right
    counts = np.full(10, 10)
    some = HeldOut(given, labels, counts, counts)
    rule = UncertaintyRule(above=0.5, below=0.5, min_known_words=0, min_known_share=0)
    result = evaluate(some, rule) | details(some, [f"review {i}" for i in range(10)])
    assert result["accuracy_interval"] == pytest.approx([0.237, 0.763], abs=5e-4)
    assert result["confusion"] == {"true_positive": 2, "false_positive": 4, "true_negative": 3, "false_negative": 1}
    assert result["worst_mistakes"][0]["review"] == "review 2"


@pytest.mark.parametrize(
    ("terrible", "failed"), [(0.5, {"minimum", *TEMPLATES}), (0.9, {"minimum", "direction", *TEMPLATES})]
)
def test_behaviour_finds_what_a_bad_classifier_does(terrible: float, failed: set[str]) -> None:
    result = behaviour(lambda texts: [terrible if "Terrible" in text else 0.5 for text in texts])
    assert {failure["kind"] for failure in result["failures"]} == failed


def test_templates_are_sentences_of_both_sentiments() -> None:
    texts = {check.texts[0]: check.holds for check in checks() if check.kind in TEMPLATES}
    assert texts["An engaging film."] is texts["This is not an annoying film."] is is_positive
    assert texts["This is not a splendid film."] is texts["Not a splendid film, but a tedious one."] is is_negative
    assert not any("{" in text for text in texts)


def test_experiments_continue_where_they_stopped_and_report_only_the_same_reviews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "VARIANTS", {"recipe": Book(epochs=2), "variant": Book(epochs=2, hidden_units=(4,))})
    one, other = (write_archive(tmp_path / f"{seed}.tar.gz", files(10, seed)) for seed in (0, 1))
    runs, results = tmp_path / "book/runs.jsonl", tmp_path / "book/results.md"
    arguments = ["experiments", "--output", tmp_path, "--seeds", 0, "--dataset"]
    count = len(book.VARIANTS)

    assert f"{count} runs" in run(*arguments, one).stdout
    lines, report = runs.read_text().splitlines(), results.read_text()
    assert [json.loads(line)["variant"] for line in lines] == list(book.VARIANTS)
    assert report.count("\n") == 2 + count
    for name in ("accuracy.png", "loss.png", "overfitting.png"):
        assert (tmp_path / "book" / name).stat().st_size > 0

    runs.write_text(lines[0] + "\n")
    assert f"{count} runs" in run(*arguments, one).stdout
    assert runs.read_text().splitlines() == lines  # the same seed gives the same numbers
    run(*arguments, other)
    assert results.read_text() != report
    assert len(runs.read_text().splitlines()) == 2 * count
    assert f"{count} runs" in run(*arguments, one).stdout
    assert len(runs.read_text().splitlines()) == 2 * count  # nothing was left to do
    assert results.read_text() == report


def test_committed_table_follows_from_the_committed_runs(tmp_path: Path) -> None:
    committed = ROOT / "docs/experiments/book"
    runs = [json.loads(line) for line in (committed / "runs.jsonl").read_text().splitlines()]
    write_experiments(list(book.VARIANTS), runs, tmp_path)
    assert (tmp_path / "results.md").read_text() == (committed / "results.md").read_text()


def test_curve_measures_each_size_on_reviews_held_out(archive: Path) -> None:
    printed = run("curve", "--dataset", archive, "--sizes", 30, "--seeds", 3).stdout
    assert "recipe book, measured on 24 reviews held out" in printed
    assert [line.split()[1] for line in printed.splitlines() if "±" in line] == ["30"]
    assert "over the seeds 3" in printed
    assert "no 97 reviews to train on" in run("curve", "--dataset", archive, "--sizes", 97, code=1).stderr
