"""Evaluation, behaviour checks, comparison and experiments."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress
from sklearn.metrics import roc_auc_score

from app.inference.bundle import Bundle, load_bundle
from tests.corpus import files, write_archive
from tests.servers import ROOT
from training.__main__ import main
from training.archive import load_archives
from training.behaviour import behaviour, checks
from training.compare import Side, compare, mcnemar, verdict
from training.dataset import Split
from training.evaluation import accuracy_interval, auc, by_group, calibration, constant, measure, wilson_interval
from training.experiments import VARIANTS, run_experiments
from training.recipe import BEST, Distillation


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


def test_accuracy_interval_holds_the_accuracy() -> None:
    labels = np.array([1, 0] * 500, np.float32)
    low, high = accuracy_interval(np.where(np.arange(1000) < 900, labels, 1 - labels).astype(np.float32), labels)
    assert low < 0.9 < high
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.9 * 0.1 / 1000), rel=0.1)


def test_wilson_interval_is_that_of_statistics_books() -> None:
    assert wilson_interval(0.5, 10) == pytest.approx([0.237, 0.763], abs=5e-4)
    assert wilson_interval(1.0, 20) == pytest.approx([0.839, 1.0], abs=5e-4)


def test_constant_says_the_training_share_of_every_review() -> None:
    train, test = (Split([[]] * 4, np.array(labels, np.float32), [""] * 4) for labels in ([1, 1, 1, 0], [1, 0, 0, 0]))
    assert constant(train, test) == {
        "accuracy": 0.25,
        "loss": pytest.approx(-(np.log(0.75) + 3 * np.log(0.25)) / 4, abs=1e-6),
    }


def test_by_group_leaves_empty_groups_out() -> None:
    groups = by_group(np.array([5, 60, 70]), [0, 50, 100], np.array([True, True, False]))
    assert groups == [
        {"from": 0, "reviews": 1, "accuracy": 1.0},
        {"from": 50, "reviews": 2, "accuracy": 0.5},
    ]


def test_behaviour_of_a_fair_judge_fails_nothing_but_the_plain_texts() -> None:
    result = behaviour(lambda texts: [0.5] * len(texts))
    assert {failure["kind"] for failure in result["failures"]} == {"minimum"}  # type: ignore[attr-defined]


def test_behaviour_of_a_contrary_judge_fails_directions() -> None:
    result = behaviour(lambda texts: [0.9 if "Terrible" in text else 0.5 for text in texts])
    assert "direction" in {failure["kind"] for failure in result["failures"]}  # type: ignore[attr-defined]
    assert len(list(checks())) > 150


def test_mcnemar_by_hand() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 2**5)
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 2**10)


def test_compare_counts_who_is_right() -> None:
    labels = np.array([1, 1, 0, 0], np.float32)

    def side(*probabilities: float) -> Side:
        given = np.array(probabilities, np.float32)
        return Side(given, measure(given, labels), 1.0)

    result = compare(side(0.9, 0.2, 0.1, 0.9), side(0.9, 0.8, 0.1, 0.2), labels)
    assert (result["only_a"], result["only_b"]) == (0, 2)
    assert result["accuracy_difference"] == 0.5
    assert result["flipped"] == 0.5
    assert verdict(result).startswith("no: the difference could well be chance")
    assert verdict(result | {"p_value": 0.01}) == "yes: B is better"


def test_compare_command_says_whether_to_replace(
    archive: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(models / "1")
    assert main(["compare", folder, folder, "--dataset", str(archive)]) == 0
    assert "could well be chance" in capsys.readouterr().out


def test_experiments_go_on_where_they_stopped(tmp_path: Path) -> None:
    dataset = load_archives([write_archive(tmp_path / "a.tar.gz", files(10))], Progress(disable=True))
    folder = tmp_path / "experiments"
    runs = run_experiments("book", dataset, folder, Progress(disable=True), seeds=(0,))
    assert [run["variant"] for run in runs] == list(VARIANTS["book"])
    lines = (folder / "runs.jsonl").read_text().splitlines()
    (folder / "runs.jsonl").write_text("\n".join(lines[:3]) + "\n")
    again = run_experiments("book", dataset, folder, Progress(disable=True), seeds=(0,))
    assert (folder / "runs.jsonl").read_text().splitlines()[:3] == lines[:3]
    assert [run["variant"] for run in again] == list(VARIANTS["book"])
    assert (folder / "results.md").read_text().count("\n") == 2 + len(VARIANTS["book"])
    for name in ("accuracy.png", "loss.png", "overfitting.png", "results.csv"):
        assert (folder / name).stat().st_size > 0


def test_experiments_report_only_runs_on_the_same_reviews(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (write_archive(tmp_path / f"{seed}.tar.gz", files(10, seed)) for seed in (0, 1))
    folder = tmp_path / "book"
    arguments = ["experiments", "--output", str(tmp_path), "--seeds", "0", "--dataset"]
    assert main([*arguments, str(one)]) == 0
    results = (folder / "results.csv").read_text()
    assert main([*arguments, str(other)]) == 0
    assert f"{len(VARIANTS['book'])} runs" in capsys.readouterr().out
    assert (folder / "results.csv").read_text() != results
    lines = (folder / "runs.jsonl").read_text()
    assert lines.count("\n") == 2 * len(VARIANTS["book"])
    # The first reviews again: nothing is left to do, and the report is about them.
    assert main([*arguments, str(one)]) == 0
    assert (folder / "runs.jsonl").read_text() == lines
    assert (folder / "results.csv").read_text() == results


@pytest.mark.parametrize("recipe", ["book", "best"])
def test_committed_experiments_count_as_run_on_the_official_reviews(archive: Path, tmp_path: Path, recipe: str) -> None:
    """The lines of docs/experiments are from before the unlabelled reviews were recorded."""
    recorded = load_bundle(ROOT / "models/imdb/2").manifest.dataset
    committed = ROOT / "docs/experiments" / recipe
    shutil.copytree(committed, tmp_path / recipe)
    official = replace(
        load_archives([archive], Progress(disable=True)),
        digest=str(recorded["sha256"]),
        unlabelled_digest=str(recorded["unlabelled_sha256"]),
    )
    lines = (committed / "runs.jsonl").read_text()
    seeds = {json.loads(line)["seed"] for line in lines.splitlines()}
    runs = run_experiments(recipe, official, tmp_path / recipe, Progress(disable=True), sorted(seeds))
    assert len(runs) == lines.count("\n")
    for name in ("runs.jsonl", "results.md", "results.csv"):
        assert (tmp_path / recipe / name).read_text() == (committed / name).read_text()


def test_experiments_with_other_unlabelled_reviews_are_others(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(
        BEST, validation=30, epochs=1, distillation=Distillation(rarest_term=2, rarest_column=2, summary=10)
    )
    monkeypatch.setitem(VARIANTS, "best", {"best": small})
    others = {f"aclImdb/train/unsup/{i}_0.txt": text for i, text in enumerate(files(10, seed=1).values())}
    unlabelled = write_archive(tmp_path / "unsup.tar.gz", others)
    arguments = ["experiments", "--recipe", "best", "--seeds", "0", "--output", str(tmp_path), "--dataset"]
    assert main([*arguments, str(archive)]) == 0
    assert "also learns from unlabelled reviews, here are none" in capsys.readouterr().err
    assert main([*arguments, str(archive), str(unlabelled)]) == 0
    printed = capsys.readouterr()
    assert "1 runs" in printed.out
    assert "here are none" not in printed.err
    first, second = map(json.loads, (tmp_path / "best/runs.jsonl").read_text().splitlines())
    assert first["dataset"] == second["dataset"]
    assert first["unlabelled"] == ""
    assert len(second["unlabelled"]) == 64


def test_bundle_report_is_complete(bundle: Bundle) -> None:
    report = json.loads((bundle.folder / "report/evaluation.json").read_text())
    assert set(report) == {"test", "book", "validation", "behaviour", "telling_terms"}
    card = (bundle.folder / "report/MODEL_CARD.md").read_text()
    assert f"{report['test']['accuracy']:.4f}" in card
    assert report["test"]["worst_mistakes"][0]["review"] in card
    assert len(report["telling_terms"]["positive"]) == 20
