"""A teacher that is too big to serve: it labels reviews with probabilities for the network to learn from.

Two views of a review are combined: logistic regression over all one- to three-word terms, scaled by their log-count
ratios (Wang & Manning, ACL 2012), and over a low-rank summary of the reviews (latent semantic analysis). Together they
label the unlabelled reviews, from which the first view learns once more.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

from training.linear import Vector, fit_linear, log_count_ratios, sigmoid
from training.terms import Matrix

TERM_PENALTY = 1e-6
SUMMARY_STRENGTH = 0.01
"""scikit-learn's C."""
SUMMARY_SHARE = 0.5
"""How much the low-rank view adds to the other one's log-odds."""
UNLABELLED_WEIGHT = 0.25
"""What an unlabelled review counts, compared with a labelled one."""
FOLDS = 5


@dataclass(frozen=True)
class Views:
    """Labelled and unlabelled reviews, labelled ones first, in both views.

    Attributes:
        labelled: How many reviews are labelled.
        terms: (reviews, terms), as they occur.
        normed: The same, each row of length 1.
        summary: float32 (reviews, dimensions).
    """

    labelled: int
    terms: Matrix
    normed: Matrix
    summary: NDArray[np.float32]


def make_views(terms: Matrix, labelled: int, dimensions: int, seed: int) -> Views:
    """Norm the rows and summarise them.

    Args:
        terms: Labelled reviews, then unlabelled ones.
        labelled: How many are labelled.
        dimensions: Of the summary.
        seed: Of the randomised decomposition.
    """
    return Views(labelled, terms, _normed(terms), _summary(terms, dimensions, seed))


def _normed(terms: Matrix) -> Matrix:
    lengths = np.sqrt(np.maximum(terms.getnnz(1), 1)).astype(np.float32)
    return (sparse.diags(1 / lengths) @ terms).tocsr()


def _summary(terms: Matrix, dimensions: int, seed: int) -> NDArray[np.float32]:
    """Latent semantic analysis of tf-idf rows, of terms that are neither rare nor everywhere."""
    reviews = np.asarray(terms.sum(0)).ravel()
    count = terms.shape[0]
    useful = np.flatnonzero((reviews >= max(2, count / 2500)) & (reviews < 0.55 * count))
    if min(len(useful), count) < 2:  # nothing to summarise
        return np.zeros((count, 1), np.float32)
    chosen = terms.tocsc()[:, useful].tocsr()
    weighted = chosen @ sparse.diags(np.log(count / reviews[useful]).astype(np.float32))
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(1)).ravel())
    weighted = (sparse.diags((1 / np.maximum(lengths, 1e-6)).astype(np.float32)) @ weighted).tocsr()
    left, values, _ = randomized_svd(weighted, min(dimensions, min(weighted.shape) - 1), n_iter=2, random_state=seed)
    summary = (left * np.sqrt(values)).astype(np.float32)
    return np.asarray(summary / summary.std(), np.float32)


def teach(views: Views, labels: Vector, learn_from: NDArray[np.intp]) -> Vector:
    """Learn from some labelled reviews and all unlabelled ones.

    Args:
        views: The reviews.
        labels: float32 (labelled,).
        learn_from: Positions of the labelled reviews whose labels may be seen.

    Returns:
        Log-odds of every review; float32 (reviews,).
    """
    unlabelled = np.arange(views.labelled, views.terms.shape[0])
    seen = labels[learn_from]
    ratios = _nonzero(log_count_ratios(views.terms[learn_from], seen))
    first = fit_linear(views.normed[learn_from], seen, TERM_PENALTY, ratios, steps=100)
    regression = LogisticRegression(C=SUMMARY_STRENGTH, max_iter=300).fit(views.summary[learn_from], seen)
    by_summary = regression.decision_function(views.summary).astype(np.float32)
    if not len(unlabelled):
        return np.asarray(first.scores(views.normed) + SUMMARY_SHARE * by_summary, np.float32)

    guesses = sigmoid(first.scores(views.normed[unlabelled]) + by_summary[unlabelled])
    both = np.concatenate([learn_from, unlabelled])
    targets = np.concatenate([seen, guesses])
    importance = np.ones(len(both), np.float32)
    importance[len(learn_from) :] = UNLABELLED_WEIGHT
    ratios = _nonzero(log_count_ratios(views.terms[both], targets))
    second = fit_linear(views.normed[both], targets, TERM_PENALTY, ratios, importance, steps=60)
    return np.asarray(second.scores(views.normed) + SUMMARY_SHARE * by_summary, np.float32)


def soft_targets(views: Views, labels: Vector, share: float) -> Vector:
    """What the network should learn: the teacher's opinion, mixed with the label where there is one.

    A labelled review is judged by a teacher that has not seen its fold, since a teacher's opinion about what it has
    learnt by heart says nothing more than the label.

    Args:
        views: The reviews.
        labels: float32 (labelled,); the reviews are in random order.
        share: The teacher's part in the target of a labelled review.

    Returns:
        float32 (reviews,), in [0, 1].
    """
    scores = teach(views, labels, np.arange(views.labelled))
    folds = np.arange(views.labelled) % FOLDS
    for fold in range(FOLDS):
        inside = np.flatnonzero(folds == fold)
        scores[inside] = teach(views, labels, np.flatnonzero(folds != fold))[inside]
    targets = sigmoid(_temperature(scores[: views.labelled], labels) * scores)
    targets[: views.labelled] = share * targets[: views.labelled] + (1 - share) * labels
    return targets


def _nonzero(ratios: Vector) -> Vector:
    """A scale of exactly 0 would shut its term out for good; make it merely small."""
    return np.where(ratios == 0, np.float32(1e-6), ratios)


def _temperature(scores: Vector, labels: Vector) -> float:
    """The factor on log-odds that makes them most likely."""
    found = minimize_scalar(
        lambda factor: float(np.mean(np.logaddexp(0, factor * scores) - labels * factor * scores)),
        bounds=(0.05, 5),
        method="bounded",
    )
    return float(found.x)
