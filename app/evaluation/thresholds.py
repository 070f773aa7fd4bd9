"""Folds for cross-fitting."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

FOLDS = 5


def folds(labels: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split texts into FOLDS folds with the same share of positive ones; the same labels give the same folds.

    Yields:
        The positions of all texts outside of a fold, and of those in it.
    """
    yield from StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels)
