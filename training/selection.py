"""Which terms get a column: train on all candidates, drop the least important, and again, until few enough are left."""

import numpy as np
from numpy.typing import NDArray

from training.linear import Linear, Vector, fit_linear, log_count_ratios
from training.terms import Matrix

PENALTY = 5e-4
STAGES = (6.0, 3.0, 2.0, 1.5, 1.2, 1.0)
"""How many times the wanted number of terms is left after each round."""


def select_terms(matrix: Matrix, targets: Vector, wanted: int, rarest: int) -> NDArray[np.intp]:
    """Choose terms by what a linear model makes of them.

    A term's importance is the spread that it gives to the score: its weight times the standard deviation of its column.

    Args:
        matrix: The reviews.
        targets: float32 (reviews,), in [0, 1].
        wanted: Terms to keep.
        rarest: Reviews that a term must occur in to be a candidate.

    Returns:
        Columns of the chosen terms, the most important first.
    """
    count = matrix.shape[0]
    occurs = np.asarray(matrix.sum(0)).ravel()
    ratios = log_count_ratios(matrix, targets)
    chosen = np.flatnonzero((occurs >= rarest) & (ratios != 0))
    by_column = matrix.tocsc()
    model: Linear | None = None
    for stage in STAGES:
        model = fit_linear(
            by_column[:, chosen].tocsr(), targets, PENALTY, ratios[chosen], start=model, steps=25 if model else 40
        )
        share = occurs[chosen] / count
        importance = np.abs(model.weights) * np.sqrt(share * (1 - share))
        keep = np.argsort(-importance, kind="stable")[: int(stage * wanted)]
        chosen = chosen[keep]
        model = Linear(model.weights[keep], model.bias)
    return chosen
