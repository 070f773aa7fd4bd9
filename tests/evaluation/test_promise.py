"""Promises about certain predictions hold for texts that did not prove them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from app.evaluation.metrics import HeldOut
from app.evaluation.promise import certain_region, limits_of, promised, what_is_proved
from app.model.calibration import log_odds
from app.model.prediction import UncertaintyRule
from tests.evaluation.samples import held_out, predictions

LIMITS = UncertaintyRule(above=0.0, below=1.0, min_known_words=1, min_known_share=0.5)


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (0.8, 0.8), (0.6, -1.5)])
def test_promise_is_broken_in_few_draws(scale: float, shift: float) -> None:
    population = predictions(50_000, scale, shift, seed=0)
    odds = np.array([log_odds(p) for p in population.probabilities.tolist()])
    broken = found = 0
    for seed in range(100):
        region = certain_region(predictions(200, scale, shift, seed=seed + 1), 0.9, LIMITS)
        if region is not None:
            inside = (odds <= region.low) | (odds >= region.high)
            right = (odds >= region.high)[inside] == (population.labels == 1)[inside]
            found += 1
            broken += right.mean() < 0.9
            assert inside.mean() == pytest.approx(region.share, abs=0.15)
    assert found > 20
    assert broken <= 10  # 5 are expected at most; 11 or more have a probability of 1%


def test_more_labels_prove_more() -> None:
    shares = [
        np.mean([promise.certain_share if promise else 0 for promise in promises])
        for labels in (100, 300, 1000)
        for promises in [[promised(predictions(labels, 1, 0, seed), 0.95, LIMITS, "texts")[1] for seed in range(10)]]
    ]
    assert shares == sorted(shares)
    assert shares[-1] > shares[0]


def test_rule_of_a_promise_follows_the_calibration() -> None:
    texts = predictions(1000, 0.6, 0.8, seed=0)
    rule, promise = promised(texts, 0.9, LIMITS, "texts")
    calibrated, same = promised(texts, 0.9, LIMITS, "texts", scale=0.6, shift=0.8)
    assert promise is not None
    assert promise == same
    assert log_odds(calibrated.below) == pytest.approx(0.6 * log_odds(rule.below) + 0.8)
    assert (rule.min_known_words, rule.min_known_share) == (1, 0.5)


def test_certain_predictions_have_the_sentiment_that_was_proved() -> None:
    texts = predictions(2000, 1, 0, seed=0)
    for shift in (0.0, 1.5, 3.0):
        rule, promise = promised(texts, 0.8, LIMITS, "texts", scale=1, shift=shift)
        assert promise is not None
        assert rule.above < 0.5 < rule.below
        p = expit(np.array([log_odds(p) for p in texts.probabilities.tolist()]) + shift)
        certain = (p <= rule.above) | (p >= rule.below)
        assert certain.mean() == pytest.approx(promise.certain_share, abs=0.002)
    assert promised(texts, 0.8, LIMITS, "texts", scale=1, shift=9)[1] is None


def test_labels_that_prove_nothing_make_everything_uncertain() -> None:
    texts = predictions(60, 1, 0, seed=0)
    rule, promise = promised(texts, 0.95, LIMITS, "texts")
    assert promise is None
    assert all(rule.applies(p, 10, 10) for p in (1e-30, 0.5, 1 - 1e-8))
    said = what_is_proved(texts, 0.95, LIMITS)
    assert "60 labels do not prove that a share of 0.95 is right" in said
    assert "more labels like these would prove 0.95" in said
    guesses = replace(texts, labels=np.arange(60, dtype=np.float32) % 2)
    assert what_is_proved(guesses, 0.95, LIMITS).endswith("; they prove nothing")


def test_texts_with_too_few_known_words_prove_nothing() -> None:
    texts = predictions(1000, 1, 0, seed=0)
    unreadable = HeldOut(texts.probabilities, texts.labels, texts.words, texts.known_words // 3)
    assert certain_region(texts, 0.9, LIMITS) is not None
    assert certain_region(unreadable, 0.9, LIMITS) is None


def test_limits_are_those_of_nearly_all_texts() -> None:
    limits = limits_of(held_out([0.2, 0.8, 0.9, 0.1], [0, 1, 1, 0], known=[9, 10, 8, 10]))
    assert (limits.min_known_words, limits.min_known_share) == (1, 0.8)
