"""Thresholds, by hand and on texts whose best threshold is known."""

import numpy as np
import pytest

from app.evaluation.thresholds import best_threshold, quality_at


def test_quality_by_hand() -> None:
    p = np.array([0.9, 0.6, 0.4, 0.2], np.float32)
    labels = np.array([1, 0, 1, 0], np.float32)
    at = quality_at(0.5, p, labels)
    assert (at.accuracy, at.positive.precision, at.positive.recall, at.positive.f1) == (0.5, 0.5, 0.5, 0.5)
    none = quality_at(0.95, p, labels)
    assert (none.positive.precision, none.positive.recall, none.positive.f1) == (None, 0, 0)
    assert (none.negative.precision, none.negative.recall) == (0.5, 1)
    assert none.negative.f1 == pytest.approx(2 / 3)


@pytest.mark.parametrize(("texts", "is_better"), [(40, False), (2000, True)])
def test_best_threshold_is_told_from_the_default_with_enough_texts(texts: int, is_better: bool) -> None:
    """Probabilities that are too low: texts are positive half of the time at 0.4, not at 0.5."""
    rng = np.random.default_rng(1)
    x = rng.normal(0, 2, texts)
    labels = (rng.random(texts) < 1 / (1 + np.exp(-x))).astype(np.float32)
    shifted = (1 / (1 + np.exp(-(x - 0.6)))).astype(np.float32)
    best = best_threshold(shifted, labels)
    assert best.is_better is is_better
    if is_better:
        assert best.threshold == pytest.approx(1 / (1 + np.exp(0.6)), abs=0.1)
        assert best.held_out_accuracy > quality_at(0.5, shifted, labels).accuracy


def test_best_threshold_of_several_is_the_nearest_to_the_default() -> None:
    labels = np.array([0, 1] * 10, np.float32)
    best = best_threshold(0.1 + 0.8 * labels, labels)
    assert (best.threshold, best.accuracy, best.held_out_accuracy, best.is_better) == (0.5, 1, 1, False)
