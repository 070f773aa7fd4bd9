"""The teachers of the recipe `best`: linear models that are too large to serve, one of reviews and one of sentences."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from training.best.corpus import STOP_WORDS, Corpus, Indices, Matrix, Vector
from training.best.recipe import Best


class Teaching(NamedTuple):
    """What the network should learn of reviews, and of sentences: the mean of one linear model per fold."""

    reviews: Vector  # (75000,), targets; the label where it is known
    weights: Vector  # (terms,)
    bias: float  # is added to a sentence's sum of weights
    sums: Vector  # (sentences,), each sentence's sum of the weights of the model that was not trained on it
    slope: float  # slope and shift calibrate a sentence's log-odds
    shift: float


def teach(corpus: Corpus, known: Indices, recipe: Best) -> Teaching:
    """Fit the linear models; `known` are positions of the labelled reviews, of which the others are left out."""
    folds = np.random.default_rng(recipe.seed).integers(0, recipe.teacher_folds, len(corpus.reviews))  # (75000,)
    targets = review_targets(corpus, known, folds, recipe)
    weights, bias, sums = teach_sentences(corpus, known, folds, targets, recipe)
    sample = np.flatnonzero(np.isin(corpus.review_of, known))
    odds = shortened(sums[sample] + bias, corpus.words(sample, sample + 1), recipe)
    fitted = LogisticRegression().fit(odds[:, None], corpus.labels[corpus.review_of[sample]])
    return Teaching(targets, weights, bias, sums, float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def review_targets(corpus: Corpus, known: Indices, folds: Indices, recipe: Best) -> Vector:
    """Give each review its label or, where it is not known, what the model of reviews predicts, calibrated.

    The model is logistic regression on terms scaled by their log-count ratios, with rows of length 1 (Wang & Manning
    2012). It is calibrated on its out-of-fold predictions: `folds`, int (75000,), is the fold of each review.

    Returns:
        float32 (75000,), in [0, 1].
    """
    lengths = np.sqrt(np.maximum(corpus.by_review.getnnz(1), 1)).astype(np.float32)
    normed = (sparse.diags(1 / lengths) @ corpus.by_review).tocsr()

    def log_odds(rows: Indices) -> Vector:
        """The log-odds of all reviews by a model that is trained on some; float32 (75000,)."""
        scale = log_count_ratios(corpus.by_review[rows], corpus.labels[rows])
        weights, bias = fit_linear(
            normed[rows], corpus.labels[rows], recipe.review_penalty, scale, recipe.teacher_iterations
        )
        return np.asarray(normed @ weights + bias, np.float32)

    odds = np.zeros(len(corpus.reviews), np.float32)  # (75000,)
    for fold in range(recipe.teacher_folds):
        inside = known[folds[known] == fold]
        odds[inside] = log_odds(known[folds[known] != fold])[inside]
    calibrated = LogisticRegression().fit(odds[known, None], corpus.labels[known])
    targets: Vector = calibrated.predict_proba(log_odds(known)[:, None])[:, 1].astype(np.float32)  # (75000,)
    targets[known] = corpus.labels[known]
    return targets


def teach_sentences(
    corpus: Corpus, known: Indices, folds: Indices, targets: Vector, recipe: Best
) -> tuple[Vector, float, Vector]:
    """Fit the model of sentences: each sentence is what its review is, according to `targets`, float32 (75000,).

    Each review counts the same, however long it is. Stop words get no weight. Returns `weights`, `bias` and `sums` of
    `Teaching`.
    """
    used = np.ones(len(corpus.reviews), np.bool_)  # (75000,)
    used[: len(corpus.labels)] = False
    used[known] = True
    sentences_of = np.bincount(corpus.review_of, minlength=len(corpus.reviews))  # (75000,)
    importance = (1 / sentences_of[corpus.review_of]).astype(np.float32)  # (sentences,)
    fold_of = folds[corpus.review_of]  # (sentences,)
    is_stop = np.isin(corpus.terms, list(STOP_WORDS)) if corpus.is_english else np.zeros(len(corpus.terms), np.bool_)
    models, sums = [], np.zeros(len(fold_of), np.float32)  # (sentences,)
    for fold in range(recipe.teacher_folds):
        rows = np.flatnonzero(used[corpus.review_of] & (fold_of != fold))
        matrix, wanted = corpus.by_sentence[rows], targets[corpus.review_of[rows]]
        ratios = log_count_ratios(matrix, wanted)
        sizes = np.maximum(abs(ratios), recipe.min_ratio) ** recipe.ratio_exponent
        scale = np.where(is_stop, np.float32(recipe.stop_scale), np.sign(ratios) * sizes)  # (terms,)
        weights, bias = fit_linear(
            matrix, wanted, recipe.sentence_penalty, scale, recipe.teacher_iterations, importance[rows]
        )
        models.append((weights, bias))
        sums[fold_of == fold] = corpus.by_sentence[fold_of == fold] @ weights
    mean = np.asarray(np.mean([weights for weights, _ in models], 0), np.float32)
    return mean, float(np.mean([bias for _, bias in models])), sums


def fit_linear(
    matrix: Matrix, targets: Vector, penalty: float, scale: Vector, iterations: int, importance: Vector | None = None
) -> tuple[Vector, float]:
    """Fit logistic regression to probabilities, which scikit-learn's takes no account of.

    Args:
        matrix: float32 (rows, terms).
        targets: float32 (rows,), in [0, 1].
        penalty: L2, of the weights before scaling.
        scale: float32 (terms,), multiplies each term's column; not 0.
        iterations: Maximum number of iterations of L-BFGS.
        importance: float32 (rows,), weights of the rows.

    Returns:
        float32 (terms,), the weights for the columns as they are, and the bias.
    """
    importance = np.ones(len(targets), np.float32) if importance is None else importance
    importance = importance / importance.sum()
    scale, transposed = scale.astype(np.float32), matrix.T

    def loss_and_gradient(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = parameters[:-1].astype(np.float32), np.float32(parameters[-1])
        scores = matrix @ (weights * scale) + bias  # (rows,)
        loss = float(importance @ (np.logaddexp(0, scores) - targets * scores)) + penalty / 2 * float(weights @ weights)
        errors = (importance * (expit(scores) - targets)).astype(np.float32)  # (rows,)
        gradient = (transposed @ errors) * scale + np.float32(penalty) * weights  # (terms,)
        return loss, np.append(gradient, errors.sum()).astype(np.float64)

    start, options = np.zeros(matrix.shape[1] + 1), {"maxiter": iterations, "maxcor": 8}
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options=options).x
    return found[:-1].astype(np.float32) * scale, float(found[-1])


def log_count_ratios(matrix: Matrix, targets: Vector) -> Vector:
    """How much more often a term occurs in positive rows than in negative ones, with add-one smoothing.

    Returns:
        float32 (terms,), not 0: a scale of 0 would lose the term.
    """
    positive, negative = matrix.T @ targets + 1, matrix.T @ (1 - targets) + 1
    ratios = np.log((positive / positive.sum()) / (negative / negative.sum())).astype(np.float32)
    return np.where(ratios == 0, np.float32(1e-6), ratios)


def shortened(odds: NDArray[Any], words: Indices, recipe: Best) -> NDArray[Any]:
    """Reduce the log-odds of long sentences, which say the same thing several times; all arrays are (spans,)."""
    return np.asarray(odds / words**recipe.length_exponent)
