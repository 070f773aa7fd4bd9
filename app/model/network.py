"""The network in NumPy: a bundle's dense layers, the first of which is read like a table of terms.

The input is a row of zeros and ones, so multiplying it by the first layer's weights adds up the weights of the columns
that are on: some 150 lines of a table with one line per column. Leaving out a column is a subtraction from that sum, so
the exact effect of every term costs little more than the prediction.

The first sum is a float32, the rest is computed in float64. Probabilities are those of the SavedModel within 1e-6.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .vocabulary import Row

Floats = NDArray[np.float64]

ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {"relu": lambda values: np.maximum(values, 0), "tanh": np.tanh}
"""The activations of hidden layers, by their names in Keras."""


class Layer(NamedTuple):
    """A dense layer: float32 weights (inputs, units) and bias (units,)."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


class Network:
    """Dense layers, the last with one unit, whose output is the log-odds of the review being positive.

    Args:
        layers: In the order of the computation; at least two.
        activation: A key of ACTIVATIONS, for all layers but the last.

    Attributes:
        columns: Width of the input.

    Raises:
        ValueError: The layers do not fit together, or the activation is unknown.
    """

    linger = 0.0  # see `app.model.runtimes.Runtime`

    def __init__(self, layers: Sequence[Layer], activation: str) -> None:
        fit = all(
            one.bias.shape == one.weights.shape[1:] == next_.weights.shape[:1] for one, next_ in pairwise(layers)
        ) and all(array.dtype == np.float32 for layer in layers for array in layer)
        if len(layers) < 2 or not fit or not layers[-1].weights.shape[1:] == layers[-1].bias.shape == (1,):
            raise ValueError("its arrays are not the layers of a network with one output")
        if activation not in ACTIVATIONS:
            raise ValueError(f"its activation is {activation!r}; expected {' or '.join(ACTIVATIONS)}")
        self._layers, self._activation = layers, activation
        self._table, *rest = layers
        self._bias = self._table.bias.astype(np.float64)
        self._rest = [(weights.astype(np.float64), bias.astype(np.float64)) for weights, bias in rest]
        self.columns = len(self._table.weights)

    @classmethod
    def read(cls, content: bytes) -> "Network":
        """Read what `to_bytes` wrote; nothing is unpickled.

        Raises:
            ValueError: It is something else.
        """
        try:
            with np.load(BytesIO(content), allow_pickle=False) as arrays:
                count = (len(arrays.files) - 1) // 2
                layers = [Layer(arrays[f"weights_{i}"], arrays[f"bias_{i}"]) for i in range(count)]
                activation = str(arrays["activation"])
        except Exception as error:  # NumPy may raise anything for a bad file; the cause is chained
            raise ValueError("it is not a file of NumPy arrays with the layers of a network") from error
        return cls(layers, activation)

    def to_bytes(self) -> bytes:
        """The layers as an .npz file, the same bytes for the same layers."""
        arrays = {"activation": np.array(self._activation)}
        for i, (weights, bias) in enumerate(self._layers):
            arrays |= {f"weights_{i}": weights, f"bias_{i}": bias}
        file = BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    def __call__(self, rows: Sequence[Row]) -> Floats:
        """Estimate probabilities; see `app.model.runtimes.Runtime`."""
        return probability_of(self.log_odds(rows))

    def log_odds(self, rows: Sequence[Row]) -> Floats:
        """Estimate the log-odds of one or more reviews being positive; float64 (rows,)."""
        return self._finish(self._sums(rows))

    def log_odds_without(self, row: Row, columns: NDArray[np.int32]) -> Floats:
        """Estimate the log-odds of one review as it is, then without each of n columns that are on in it.

        Returns:
            float64 (1 + n,), in the order of the columns.
        """
        values = np.empty((1 + len(columns), len(self._bias)))  # (1 + n, units)
        values[:1] = self._sums([row])
        np.subtract(values[0], self._table.weights.take(columns, axis=0), out=values[1:])
        return self._finish(values)

    def _sums(self, rows: Sequence[Row]) -> Floats:
        """Add up the table's lines and the bias; float64 (rows, units)."""
        filled = [row.columns for row in rows if len(row.columns)]
        if len(filled) == len(rows) == 1:  # skips what many rows need
            sums = np.add.reduceat(self._table.weights.take(filled[0], axis=0), [0])
        else:
            sums = np.zeros((len(rows), len(self._bias)), np.float32)
            if filled:  # `reduceat` is faster and more precise than `sum`, but cannot add up nothing
                lines = self._table.weights.take(np.concatenate(filled), axis=0)
                starts = np.cumsum([0, *map(len, filled[:-1])])
                sums[[len(row.columns) > 0 for row in rows]] = np.add.reduceat(lines, starts)
        return sums + self._bias

    def _finish(self, values: Floats) -> Floats:
        """Compute what follows the first sum; float64 (n,) from (n, units)."""
        for weights, bias in self._rest:
            values = ACTIVATIONS[self._activation](values) @ weights + bias
        return values[:, 0]


def probability_of(log_odds: Floats) -> Floats:
    """The logistic function; float64 (n,) in [0, 1]."""
    return 1 / (1 + np.exp(-np.maximum(log_odds, -700)))  # beyond that, `exp` overflows
