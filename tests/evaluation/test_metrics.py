"""Metrics, by hand."""

import numpy as np
import pytest

from app.evaluation.metrics import coverage, measure, reliability
from app.model.prediction import UncertaintyRule
from tests.evaluation.samples import held_out


def test_measure_by_hand() -> None:
    metrics = measure(np.array([0.9, 0.2, 0.6], np.float32), np.array([1, 0, 0], np.float32))
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    assert metrics["loss"] == pytest.approx(-(np.log(0.9) + np.log(0.8) + np.log(0.4)) / 3, abs=1e-6)
    assert metrics["brier"] == pytest.approx((0.01 + 0.04 + 0.36) / 3, abs=1e-6)
    certain = measure(np.array([0.0, 1.0], np.float32), np.array([1, 0], np.float32))  # and wrong
    assert np.isfinite(certain["loss"])


def test_reliability_by_hand() -> None:
    probabilities = np.array([0.01, 0.02, 0.99, 1.0], np.float32)
    labels = np.array([0, 1, 1, 1], np.float32)
    low, high = reliability(probabilities, labels)
    assert low == pytest.approx({"share": 0.5, "probability": 0.015, "positive": 0.5})
    assert high == pytest.approx({"share": 0.5, "probability": 0.995, "positive": 1.0})
    assert measure(probabilities, labels)["calibration_error"] == pytest.approx(0.5 * 0.485 + 0.5 * 0.005)


def test_coverage_by_hand() -> None:
    rule = UncertaintyRule(above=0.1, below=0.9, min_known_words=5, min_known_share=0.0)
    some = held_out([0.05, 0.95, 0.05, 0.5, 0.99], [0, 1, 1, 1, 1], known=[10, 10, 10, 10, 4])
    assert coverage(rule, some) == {"certain_share": 0.6, "certain_accuracy": pytest.approx(2 / 3)}
    assert coverage(rule, held_out([0.5], [1])) == {"certain_share": 0.0}
