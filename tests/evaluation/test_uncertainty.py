"""Fitting the rule for uncertain predictions."""

import numpy as np
import pytest

from app.evaluation.uncertainty import fit_rule
from tests.evaluation.samples import held_out


def test_rule_separates_the_probabilities_that_are_often_wrong() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000)
    rule = fit_rule(held_out(p.tolist(), (rng.random(20_000) < p).astype(int).tolist()))
    assert rule.above == pytest.approx(0.05, abs=0.02)
    assert rule.below == pytest.approx(0.95, abs=0.02)
    assert (rule.min_known_words, rule.min_known_share) == (1, 1)  # all words of these reviews are known


def test_rule_without_certain_predictions_is_valid() -> None:
    rule = fit_rule(held_out([0.2, 0.8, 0.9, 0.1], [1, 0, 1, 0]))
    assert 0 <= rule.above <= rule.below <= 1
    assert rule.min_known_words >= 1
