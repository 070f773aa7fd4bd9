"""Evaluation, behaviour checks, comparison and experiments."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.corpus import files, write_archive
from tests.servers import ROOT
from training.__main__ import main
from training.behaviour import behaviour
from training.compare import Side, compare, mcnemar, verdict
from training.evaluation import accuracy_interval, auc, calibration, measure, wilson_interval
from training.experiments import VARIANTS, write_report


def test_measure_by_hand() -> None:
    metrics = measure(np.array([0.9, 0.2, 0.6], np.float32), np.array([1, 0, 0], np.float32))
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["loss"] == pytest.approx(-(np.log(0.9) + np.log(0.8) + np.log(0.4)) / 3, abs=1e-6)
    assert metrics["brier"] == pytest.approx((0.01 + 0.04 + 0.36) / 3, abs=1e-6)
    certain = measure(np.array([0.0, 1.0], np.float32), np.array([1, 0], np.float32))  # and wrong
    assert np.isfinite(certain["loss"])


def test_auc_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(500) < 0.4).astype(np.float32)
    probabilities = np.round(rng.random(500) * 0.7 + labels * 0.3, 1).astype(np.float32)  # many ties
    assert auc(probabilities, labels) == pytest.approx(roc_auc_score(labels, probabilities))


def test_calibration_by_hand() -> None:
    probabilities = np.array([0.01, 0.02, 0.99, 1.0], np.float32)
    labels = np.array([0, 1, 1, 1], np.float32)
    low, high = calibration(probabilities, labels)
    assert low == pytest.approx({"share": 0.5, "probability": 0.015, "positive": 0.5})
    assert high == pytest.approx({"share": 0.5, "probability": 0.995, "positive": 1.0})
    assert measure(probabilities, labels)["calibration_error"] == pytest.approx(0.5 * 0.485 + 0.5 * 0.005)


def test_intervals_match_the_formulas() -> None:
    labels = np.array([1, 0] * 500, np.float32)
    low, high = accuracy_interval(np.where(np.arange(1000) < 900, labels, 1 - labels).astype(np.float32), labels)
    assert low < 0.9 < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.9 * 0.1 / 1000), rel=0.1)
    assert wilson_interval(0.5, 10) == pytest.approx([0.237, 0.763], abs=5e-4)
    assert wilson_interval(1.0, 20) == pytest.approx([0.839, 1.0], abs=5e-4)


@pytest.mark.parametrize(("terrible", "failed"), [(0.5, {"minimum"}), (0.9, {"minimum", "direction"})])
def test_behaviour_finds_what_a_bad_classifier_does(terrible: float, failed: set[str]) -> None:
    result = behaviour(lambda texts: [terrible if "Terrible" in text else 0.5 for text in texts])
    assert {failure["kind"] for failure in result["failures"]} == failed  # type: ignore[attr-defined]


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == mcnemar(5, 5) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 2**5)
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)


def test_compare_counts_who_is_right() -> None:
    labels = np.array([1, 1, 0, 0], np.float32)

    def side(*probabilities: float) -> Side:
        given = np.array(probabilities, np.float32)
        return Side(given, measure(given, labels), 1.0)

    result = compare(side(0.9, 0.2, 0.1, 0.9), side(0.9, 0.8, 0.1, 0.2), labels)
    assert (result["only_a"], result["only_b"]) == (0, 2)
    assert result["accuracy_difference"] == result["flipped"] == 0.5
    assert verdict(result).startswith("no: the difference could well be chance")
    assert verdict(result | {"p_value": 0.01}) == "yes: B is better"


def test_experiments_continue_where_they_stopped_and_report_only_the_same_reviews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(VARIANTS, "book", dict(list(VARIANTS["book"].items())[:3]))
    one, other = (write_archive(tmp_path / f"{seed}.tar.gz", files(10, seed)) for seed in (0, 1))
    runs, results = tmp_path / "book/runs.jsonl", tmp_path / "book/results.csv"
    arguments = ["experiments", "--output", str(tmp_path), "--seeds", "0", "--dataset"]
    count = len(VARIANTS["book"])

    assert main([*arguments, str(one)]) == 0
    lines, report = runs.read_text().splitlines(), results.read_text()
    assert [json.loads(line)["variant"] for line in lines] == list(VARIANTS["book"])
    assert (tmp_path / "book/results.md").read_text().count("\n") == 2 + count
    for name in ("accuracy.png", "loss.png", "overfitting.png"):
        assert (tmp_path / "book" / name).stat().st_size > 0

    runs.write_text(lines[0] + "\n")
    assert main([*arguments, str(one)]) == 0
    assert runs.read_text().splitlines() == lines  # the same seed gives the same numbers
    assert main([*arguments, str(other)]) == 0
    assert capsys.readouterr().out.count(f"{count} runs") == 3
    assert results.read_text() != report
    assert len(runs.read_text().splitlines()) == 2 * count
    assert main([*arguments, str(one)]) == 0
    assert len(runs.read_text().splitlines()) == 2 * count  # nothing was left to do
    assert results.read_text() == report


@pytest.mark.parametrize("recipe", ["book", "best"])
def test_committed_tables_follow_from_the_committed_runs(tmp_path: Path, recipe: str) -> None:
    committed = ROOT / "docs/experiments" / recipe
    write_report(recipe, [json.loads(line) for line in (committed / "runs.jsonl").read_text().splitlines()], tmp_path)
    for name in ("results.md", "results.csv"):
        assert (tmp_path / name).read_text() == (committed / name).read_text()
