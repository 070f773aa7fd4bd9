"""Fitting a calibration to labelled texts: two numbers, by penalised maximum likelihood."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import ttest_rel
from sklearn.model_selection import StratifiedKFold

from ..model.calibration import MAX_LOG_ODDS, MAX_SCALE, MAX_SHIFT, MIN_SCALE, calibrated
from ..model.errors import SentimentError
from ..model.prediction import Promise, UncertaintyRule
from .metrics import SIGNIFICANT, HeldOut, auc_p_value, coverage, losses, measure
from .promise import promised, what_is_proved

FOLDS = 5
SCALE_WIDTH, SHIFT_WIDTH = 0.25, 0.5
"""Standard deviations of the normal priors around a scale of 1 and a shift of 0: so narrow that 50 labels of texts for
which the model is right already do hardly any harm, and so wide that 50 labels help where it is wrong."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """A scale and a shift of log-odds, with their standard errors."""

    scale: float
    shift: float
    scale_error: float
    shift_error: float

    def apply(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Correct a network's probabilities as the service does; float32 (texts,)."""
        return np.array([calibrated(p, self.scale, self.shift) for p in probabilities.tolist()], np.float32)


@dataclass(frozen=True)
class CalibrationResult:
    """A calibration with what is known about it."""

    fit: Fit  # to all texts
    uncertainty: UncertaintyRule  # for calibrated predictions
    promise: Promise | None  # None if the texts do not prove what was asked for
    proved: str | None  # what they prove instead; None if there is a promise
    before: dict[str, float]  # metrics without calibration
    after: dict[str, float]  # metrics with calibration, each fold of the texts calibrated with the others
    p_value: float  # chance of so large a reduction of the loss if it did not help (paired t-test, one-sided)

    @property
    def helps(self) -> bool:
        """Whether the texts show that the calibration helps."""
        return self.p_value < SIGNIFICANT


def adapt(held_out: HeldOut, uncertainty: UncertaintyRule, right: float) -> CalibrationResult:
    """Fit a calibration and a new rule for uncertain predictions.

    Args:
        held_out: The network's predictions for labelled texts.
        uncertainty: The bundle's rule, whose limits on known words stay.
        right: The share of certain predictions that has to be right; see `app.evaluation.promise`.

    Raises:
        SentimentError: The network's log-odds say nothing about the labels, or the opposite.
    """
    fitted = fit(held_out)
    _check(fitted, held_out)
    cross_fitted = cross_fit(held_out)
    rule, promise = promised(held_out, right, uncertainty, "texts like these", fitted.scale, fitted.shift)
    return CalibrationResult(
        fitted,
        rule,
        promise,
        None if promise else what_is_proved(held_out, right, uncertainty, -fitted.shift / fitted.scale),
        measure(held_out.probabilities, held_out.labels) | coverage(uncertainty, held_out),
        measure(cross_fitted.probabilities, cross_fitted.labels) | coverage(rule, cross_fitted),
        float(ttest_rel(losses(held_out), losses(cross_fitted), alternative="greater").pvalue),
    )


def _check(fitted: Fit, held_out: HeldOut) -> None:
    found = f"the scale that fits the texts best is {fitted.scale:.2f} ± {fitted.scale_error:.2f}"
    if fitted.scale < 0:
        raise SentimentError(
            f"{found}: the more positive a prediction is, the more often the label is negative. Check whether the "
            "labels are swapped. Nothing was written"
        )
    if fitted.scale < MIN_SCALE or auc_p_value(held_out) >= SIGNIFICANT:
        raise SentimentError(
            f"{found}, and the predictions say next to nothing about the labels. Check the labels, add more, or train "
            "a bundle on such texts. Nothing was written"
        )
    if fitted.scale > MAX_SCALE or abs(fitted.shift) > MAX_SHIFT:
        raise SentimentError(f"{found}, with a shift of {fitted.shift:.1f}, which is not plausible. Check the labels")


def fit(held_out: HeldOut) -> Fit:
    """Find the scale and the shift of the log-odds that explain the labels best.

    A prior keeps them near 1 and 0 as long as there are few texts, whose labels say little about the two. Log-odds
    count as at most 17.4 in both directions, so that no single wrong label decides.
    """
    labels, odds = held_out.labels, np.maximum(held_out.log_odds, -MAX_LOG_ODDS)  # (texts,) each
    inputs = np.stack([odds, np.ones(len(odds))])  # (2, texts)
    center, precision = np.array([1.0, 0.0]), np.array([SCALE_WIDTH, SHIFT_WIDTH]) ** -2.0  # (2,), (2,)

    def loss(parameters: Vector) -> float:
        x = parameters @ inputs  # (texts,)
        return float(np.sum(np.logaddexp(0, x) - labels * x) + precision @ (parameters - center) ** 2 / 2)

    def gradient(parameters: Vector) -> Vector:
        return np.asarray(inputs @ (expit(parameters @ inputs) - labels) + precision * (parameters - center))

    def hessian(parameters: Vector) -> Vector:
        p = expit(parameters @ inputs)  # (texts,)
        return np.asarray((inputs * p * (1 - p)) @ inputs.T + np.diag(precision))  # (2, 2)

    found = minimize(loss, center, jac=gradient, hess=hessian, method="trust-exact").x  # (2,)
    errors = np.sqrt(np.diag(np.linalg.inv(hessian(found))))  # (2,)
    return Fit(*map(float, (*found, *errors)))


def cross_fit(held_out: HeldOut) -> HeldOut:
    """Calibrate each fold of the texts with a fit to the other folds; the same labels give the same folds."""
    probabilities = np.empty_like(held_out.probabilities)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(held_out.labels, held_out.labels)
    for others, fold in folds:
        probabilities[fold] = fit(held_out.at(others)).apply(held_out.probabilities[fold])
    return replace(held_out, probabilities=probabilities)
