"""Fitting calibrations to predictions whose scale and shift are known."""

from dataclasses import replace

import numpy as np
import pytest

from app.evaluation.calibration import SHIFT_WIDTH, adapt, fit
from app.evaluation.metrics import measure
from app.model.errors import SentimentError
from app.model.prediction import UncertaintyRule
from tests.evaluation.samples import predictions

RULE = UncertaintyRule(above=0.1, below=0.9, min_known_words=1, min_known_share=0.5)


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (0.4, 0.7), (1.6, -1.2)])
def test_fit_recovers_scale_and_shift_within_their_standard_errors(scale: float, shift: float) -> None:
    samples = [predictions(2000, scale, shift, seed) for seed in range(20)]
    fits = [fit(held_out) for held_out in samples]
    for found, true, error in (
        ([each.scale for each in fits], scale, [each.scale_error for each in fits]),
        ([each.shift for each in fits], shift, [each.shift_error for each in fits]),
    ):
        assert np.mean(found) == pytest.approx(true, abs=3 * np.mean(error) / np.sqrt(20) + 0.02)  # the prior's pull
        assert np.std(found) == pytest.approx(np.mean(error), rel=0.6)


def test_fit_to_few_texts_stays_near_the_prior() -> None:
    positive = replace(predictions(50, 1, 0), labels=np.ones(50, np.float32))
    assert 0 < fit(positive).shift < 4 * SHIFT_WIDTH  # without a prior, the shift would be infinite


def test_adapt_makes_probabilities_right_without_changing_their_order() -> None:
    held_out = predictions(1000, 0.4, 0.7)
    found = adapt(held_out, RULE, 0.95)
    assert found.after["calibration_error"] < found.before["calibration_error"] / 2
    assert found.after["loss"] < found.before["loss"]
    assert found.p_value < 0.001
    calibrated = found.fit.apply(held_out.probabilities)
    assert measure(calibrated, held_out.labels)["auc"] == pytest.approx(found.before["auc"], abs=1e-6)


def test_adapt_makes_certain_predictions_of_new_texts_right() -> None:
    for scale in (0.7, 1.3):
        found = adapt(predictions(2000, scale, 0), RULE, 0.95)
        rule = found.uncertainty
        assert (rule.min_known_words, rule.min_known_share) == (1, 0.5)
        new = predictions(20_000, scale, 0, seed=1)
        p = found.fit.apply(new.probabilities)
        certain = (p <= rule.above) | (p >= rule.below)
        assert certain.mean() > 0.1
        assert np.mean((p >= 0.5)[certain] == (new.labels == 1)[certain]) > 0.93


@pytest.mark.parametrize(("scale", "reason"), [(-0.5, "labels are swapped"), (0, "next to nothing")])
def test_adapt_refuses_predictions_that_do_not_fit(scale: float, reason: str) -> None:
    with pytest.raises(SentimentError, match=reason):
        adapt(predictions(400, scale, 0), RULE, 0.95)
