"""Probabilities that mean what they say: the output's log-odds, scaled and shifted to fit the validation reviews.

Platt scaling (Platt 1999; Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017), folded into the last
layer, so that the served network is the same size as before.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1, so that log-odds stay finite."""


class Scaling(NamedTuple):
    """New log-odds are `factor` * old log-odds + `shift`."""

    factor: float
    shift: float


def log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities to log-odds; float64 (reviews,)."""
    p = np.clip(probabilities.astype(np.float64), SMALLEST, 1 - SMALLEST)
    odds: NDArray[np.float64] = np.log(p) - np.log1p(-p)
    return odds


def smoothed(labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Labels a little less certain, the less the fewer there are, so that a scaling of few reviews stays finite.

    Args:
        labels: float32 (reviews,), 0.0 or 1.0.

    Returns:
        float32 (reviews,): (n + 1) / (n + 2) for n positive ones, 1 / (m + 2) for m negative ones (Platt 1999, 2.2).
    """
    positive = float(labels.sum())
    negative = len(labels) - positive
    return np.where(labels == 1, (positive + 1) / (positive + 2), 1 / (negative + 2)).astype(np.float32)


def fit_scaling(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> Scaling:
    """Find the scaling that makes the labels most likely.

    Args:
        probabilities: float32 (reviews,), of reviews that were not learnt from.
        labels: float32 (reviews,), 0.0 or 1.0, or `smoothed` ones.
    """
    inputs = np.stack([log_odds(probabilities), np.ones(len(labels))])  # (2, reviews)

    def loss_and_gradient(scaling: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = scaling @ inputs
        loss = float(np.mean(np.logaddexp(0, scores) - labels * scores))
        return loss, inputs @ (expit(scores) - labels) / len(labels)

    found = minimize(loss_and_gradient, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return Scaling(float(found[0]), float(found[1]))


def apply_scaling(network: Any, scaling: Scaling) -> None:
    """Fold a scaling into the network's last layer, which ends in a sigmoid."""
    weights, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([weights * scaling.factor, bias * scaling.factor + scaling.shift])
