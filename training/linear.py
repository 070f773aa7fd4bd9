"""Logistic regression over hundreds of thousands of sparse terms, on soft targets."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from training.terms import Matrix

Vector = NDArray[np.float32]


class Linear(NamedTuple):
    """A linear model.

    Attributes:
        weights: float32 (terms,).
        bias: Added to every score.
    """

    weights: Vector
    bias: float

    def scores(self, matrix: Matrix) -> Vector:
        """Log-odds that reviews are positive; float32 (reviews,)."""
        scores: Vector = matrix @ self.weights + np.float32(self.bias)
        return scores


def sigmoid(scores: Vector) -> Vector:
    """Log-odds to probabilities."""
    return np.asarray(expit(scores), np.float32)


def log_count_ratios(matrix: Matrix, targets: Vector) -> Vector:
    """How much more often each term occurs in positive reviews (Wang & Manning, ACL 2012; add-one smoothing).

    Args:
        matrix: The reviews.
        targets: float32 (reviews,); probabilities count as parts of reviews.

    Returns:
        float32 (terms,); the log of the ratio, 0 for a term that says nothing.
    """
    positive = matrix.T @ targets + 1
    negative = matrix.T @ (1 - targets) + 1
    ratios: Vector = np.log((positive / positive.sum()) / (negative / negative.sum())).astype(np.float32)
    return ratios


def fit_linear(
    matrix: Matrix,
    targets: Vector,
    penalty: float,
    scales: Vector,
    importance: Vector | None = None,
    start: Linear | None = None,
    steps: int = 60,
) -> Linear:
    """Minimise mean cross-entropy + penalty/2 |w|^2, where each term's input is multiplied by its scale.

    Args:
        matrix: The reviews.
        targets: float32 (reviews,), in [0, 1].
        penalty: Of the weights before scaling.
        scales: float32 (terms,), none of them 0.
        importance: float32 (reviews,), weights of the reviews; all 1 when None.
        start: Where to begin.
        steps: L-BFGS iterations at most.

    Returns:
        The model for unscaled inputs: the scales are folded into its weights.
    """
    weight = np.ones(len(targets), np.float32) if importance is None else importance
    weight = weight / weight.sum()
    transposed = matrix.T

    def loss_and_gradient(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = parameters[:-1].astype(np.float32)
        scores = matrix @ (weights * scales) + np.float32(parameters[-1])
        loss = float(weight @ (np.logaddexp(0, scores) - targets * scores)) + penalty / 2 * float(weights @ weights)
        error = weight * (sigmoid(scores) - targets)
        gradient = (transposed @ error) * scales + np.float32(penalty) * weights
        return loss, np.append(gradient, error.sum()).astype(np.float64)

    beginning = np.zeros(matrix.shape[1] + 1) if start is None else np.append(start.weights / scales, start.bias)
    found = minimize(loss_and_gradient, beginning, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 8})
    return Linear(found.x[:-1].astype(np.float32) * scales, float(found.x[-1]))
