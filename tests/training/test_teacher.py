"""The teacher's linear models and the calibration."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.corpus import BAD, GOOD, PLAIN
from training.calibration import Scaling, apply_scaling, fit_scaling, log_odds, smoothed
from training.evaluation import measure
from training.linear import fit_linear, log_count_ratios, sigmoid
from training.network import build
from training.recipe import Recipe
from training.terms import Terms


def test_fit_linear_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.5).astype(np.float32)
    sequences = [[*rng.choice(PLAIN, 15), *rng.choice(GOOD if label else BAD, 2)] for label in labels]
    matrix = Terms(sequences, 2, 2).matrix(sequences)
    penalty = 0.01
    ours = fit_linear(matrix, labels, penalty, np.ones(matrix.shape[1], np.float32), steps=500)
    theirs = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-8, max_iter=5000).fit(matrix, labels)
    np.testing.assert_allclose(ours.scores(matrix), theirs.decision_function(matrix), atol=0.02)


def test_log_count_ratios_by_hand() -> None:
    matrix = Terms([["a", "b"], ["a"], ["b"]], 1, 1).matrix([["a", "b"], ["a"], ["b"]])
    ratios = log_count_ratios(matrix, np.array([1, 1, 0], np.float32))
    # a: 3 of 5 positive, 1 of 3 negative; b: 2 of 5 and 2 of 3, all with one added
    np.testing.assert_allclose(ratios, np.log([(3 / 5) / (1 / 3), (2 / 5) / (2 / 3)]), atol=1e-6)


def test_fit_scaling_undoes_a_change_of_the_odds_and_calibrates() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 200_000)
    labels = (rng.random(len(true)) < sigmoid(true.astype(np.float32))).astype(np.float32)
    said = sigmoid(((true - 0.3) / 0.5).astype(np.float32))
    factor, shift = fit_scaling(said, labels)
    assert factor == pytest.approx(0.5, abs=0.02)
    assert shift == pytest.approx(0.3, abs=0.03)
    better = sigmoid((factor * log_odds(said) + shift).astype(np.float32))
    assert measure(better, labels)["calibration_error"] < measure(said, labels)["calibration_error"] / 3


def test_fit_scaling_of_few_separable_reviews_is_finite_when_smoothed() -> None:
    labels = np.array([1, 1, 1, 0], np.float32)
    assert smoothed(labels).tolist() == pytest.approx([4 / 5, 4 / 5, 4 / 5, 1 / 3])
    factor, shift = fit_scaling(np.array([0.9, 0.8, 0.95, 0.2], np.float32), smoothed(labels))
    assert 0 < factor < 2
    assert abs(shift) < 2


def test_apply_scaling_changes_the_last_layer() -> None:
    network = build(Recipe(), 1)
    rows = np.eye(10_000, dtype=np.float32)[:3]
    before = log_odds(network.predict_on_batch(rows))
    apply_scaling(network, Scaling(2.0, -0.5))
    np.testing.assert_allclose(log_odds(network.predict_on_batch(rows)), 2 * before - 0.5, atol=1e-5)
