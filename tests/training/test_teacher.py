"""The teacher, the choice of terms and the calibration on made-up reviews."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.corpus import BAD, GOOD, PLAIN
from training.calibration import Scaling, apply_scaling, fit_scaling, log_odds, smoothed
from training.evaluation import measure
from training.linear import fit_linear, log_count_ratios, sigmoid
from training.network import build, predict
from training.recipe import Recipe
from training.selection import select_terms
from training.teacher import Views, make_views, soft_targets
from training.terms import Terms


def made_up(count: int, seed: int = 0) -> tuple[list[list[str]], np.ndarray[tuple[int], np.dtype[np.float32]]]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.5).astype(np.float32)
    words = [GOOD if label else BAD for label in labels]
    return [[*rng.choice(PLAIN, 15), *rng.choice(loaded, 2)] for loaded in words], labels


@pytest.fixture(scope="module")
def lesson() -> tuple[Terms, Views, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    sequences, labels = made_up(300)
    terms = Terms(sequences, 2, 2)
    return terms, make_views(terms.matrix(sequences), 200, 10, 0), labels


def test_soft_targets_know_unlabelled_reviews(lesson: tuple[Terms, Views, np.ndarray]) -> None:
    _, views, labels = lesson
    targets = soft_targets(views, labels[:200], share=0.5)
    assert targets.shape == (300,)
    assert 0 <= targets.min() <= targets.max() <= 1
    assert np.mean((targets[200:] > 0.5) == (labels[200:] == 1)) > 0.9
    assert np.all(np.abs(targets[:200] - labels[:200]) <= 0.5)


def test_select_terms_prefers_loaded_words(lesson: tuple[Terms, Views, np.ndarray]) -> None:
    terms, views, labels = lesson
    chosen = terms.names(select_terms(views.terms, labels, 12, rarest=5))
    assert len(chosen) == 12
    assert sum(term in GOOD + BAD for term in chosen) >= 10


def test_fit_linear_equals_scikit_learn(lesson: tuple[Terms, Views, np.ndarray]) -> None:
    _, views, labels = lesson
    penalty = 0.01
    ones = np.ones(views.terms.shape[1], np.float32)
    ours = fit_linear(views.terms, labels, penalty, ones, steps=500)
    theirs = LogisticRegression(C=1 / (penalty * len(labels)), tol=1e-8, max_iter=5000).fit(views.terms, labels)
    np.testing.assert_allclose(ours.scores(views.terms), theirs.decision_function(views.terms), atol=0.02)


def test_log_count_ratios_by_hand() -> None:
    terms = Terms([["a", "b"], ["a"], ["b"]], 1, 1)
    matrix = terms.matrix([["a", "b"], ["a"], ["b"]])
    ratios = log_count_ratios(matrix, np.array([1, 1, 0], np.float32))
    # a: 3 of 5 positive, 1 of 3 negative; b: 2 of 5 and 2 of 3, all with one added
    np.testing.assert_allclose(ratios, np.log([(3 / 5) / (1 / 3), (2 / 5) / (2 / 3)]), atol=1e-6)


def test_fit_scaling_finds_what_was_done_to_the_odds() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, 200_000)
    labels = (rng.random(len(true)) < sigmoid(true.astype(np.float32))).astype(np.float32)
    said = sigmoid(((true - 0.3) / 0.5).astype(np.float32))
    factor, shift = fit_scaling(said, labels)
    assert factor == pytest.approx(0.5, abs=0.02)
    assert shift == pytest.approx(0.3, abs=0.03)


def test_fit_scaling_of_few_that_are_told_apart_stays_finite_when_smoothed() -> None:
    labels = np.array([1, 1, 1, 0], np.float32)
    assert smoothed(labels).tolist() == pytest.approx([4 / 5, 4 / 5, 4 / 5, 1 / 3])
    said = np.array([0.9, 0.8, 0.95, 0.2], np.float32)
    factor, shift = fit_scaling(said, smoothed(labels))
    assert 0 < factor < 2
    assert abs(shift) < 2


def test_make_views_without_a_term_in_common_has_nothing_to_summarise() -> None:
    sequences = [["a", "b"], ["a", "c"], ["a", "d"]]
    views = make_views(Terms(sequences, 1, 1).matrix(sequences), 3, 400, 0)
    assert views.summary.shape == (3, 1)
    assert np.isfinite(views.summary).all()


def test_fit_scaling_makes_calibration_better() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1, 20_000).astype(np.float32)
    labels = (rng.random(len(true)) < sigmoid(true)).astype(np.float32)
    overconfident = sigmoid(3 * true)
    scaling = fit_scaling(overconfident, labels)
    better = sigmoid((scaling.factor * log_odds(overconfident) + scaling.shift).astype(np.float32))
    assert measure(better, labels)["calibration_error"] < measure(overconfident, labels)["calibration_error"] / 3


def test_apply_scaling_folds_into_the_last_layer() -> None:
    class Two:
        def __init__(self) -> None:
            self.rows = np.eye(10_000, dtype=np.float32)[:3]

        def __len__(self) -> int:
            return 1

        def __getitem__(self, _: int) -> tuple[np.ndarray]:
            return (self.rows,)

    network = build(Recipe(), 1)
    weights, _ = network.layers[-1].get_weights()
    network.layers[-1].set_weights([weights, np.array([0.7], np.float32)])
    before = log_odds(predict(network, Two()))  # type: ignore[arg-type]
    apply_scaling(network, Scaling(2.0, -0.5))
    after = log_odds(predict(network, Two()))  # type: ignore[arg-type]
    np.testing.assert_allclose(after, 2 * before - 0.5, atol=1e-5)
