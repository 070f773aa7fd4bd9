"""Linear models that teach the network."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from tests.training.best.corpora import RECIPE, corpus_of
from training.best.recipe import Best
from training.best.teachers import fit_linear, review_targets, teach

TEXTS = [f"It was {word}, and the end was {word}. This is the plot." for word in ("superb", "awful")] * 6
LABELS = [1, 0] * 6
KNOWN = np.arange(len(TEXTS))


def test_fit_linear_equals_scikit_learn_for_labels_and_equal_scales() -> None:
    rng = np.random.default_rng(0)
    matrix = sparse.csr_matrix((rng.random((200, 5)) < 0.4).astype(np.float32))
    labels = (rng.random(200) < 0.3 + 0.4 * matrix.toarray()[:, 0]).astype(np.float32)
    weights, bias = fit_linear(matrix, labels, 0.01, np.ones(5, np.float32), 200)
    expected = LogisticRegression(C=1 / (0.01 * 200), tol=1e-8).fit(matrix, labels)
    assert weights == pytest.approx(expected.coef_[0], abs=1e-3)
    assert bias == pytest.approx(expected.intercept_[0], abs=1e-3)


def test_review_targets_are_labels_where_known_and_predictions_elsewhere() -> None:
    corpus = corpus_of(TEXTS, LABELS, ["A superb plot.", "An awful plot."])
    folds = np.arange(len(corpus.reviews)) // 2 % Best.teacher_folds
    targets = review_targets(corpus, KNOWN[:8], folds, RECIPE)
    assert targets[:8].tolist() == LABELS[:8]
    assert 1 > targets[-2] > 0.5 > targets[-1] > 0


def test_teach_does_not_use_labels_that_are_held_out() -> None:
    corpus = corpus_of(TEXTS, LABELS)
    known = KNOWN[:9]
    labels = corpus.labels.copy()
    labels[9:] = 1 - labels[9:]
    one, other = (teach(each, known, RECIPE) for each in (corpus, replace(corpus, labels=labels)))
    assert one.reviews.tolist() == other.reviews.tolist()
    assert one.weights.tolist() == other.weights.tolist()
    assert (one.slope, one.shift) == (other.slope, other.shift)
    assert one.sums.tolist() == other.sums.tolist()


def test_teach_leaves_reviews_out_that_are_held_out() -> None:
    corpus = corpus_of([*TEXTS, "It was zesty, and the end was zesty."], [*LABELS, 1])
    zesty = corpus.terms.tolist().index("zesty")
    assert teach(corpus, KNOWN, RECIPE).weights[zesty] == 0
    assert teach(corpus, np.append(KNOWN, len(TEXTS)), RECIPE).weights[zesty] > 0


def test_teach_finds_polar_words_and_ignores_stop_words() -> None:
    teaching = teach(corpus_of(TEXTS, LABELS), KNOWN, RECIPE)
    weights = dict(zip(corpus_of(TEXTS, LABELS).terms.tolist(), teaching.weights.tolist(), strict=True))
    assert weights["superb"] > 0.1
    assert weights["awful"] < -0.1
    assert abs(weights["the"]) < 1e-6
    assert teaching.slope > 0
