"""Comparing predictions, whose last bits depend on the processor."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from app.model.prediction import Prediction

LAST_BITS = 1e-6
"""On some processors TensorFlow multiplies batches of different sizes in different orders."""


def assert_same(found: Sequence[Any], expected: Sequence[Any]) -> None:
    """Check that predictions are equal except for the last bits of their probabilities."""
    first, second = map(_fields, found), map(_fields, expected)
    for one, other in zip(first, second, strict=True):
        assert one == {**other, "positive_probability": pytest.approx(other["positive_probability"], abs=LAST_BITS)}


def _fields(prediction: Prediction | Mapping[str, Any]) -> Mapping[str, Any]:
    values = asdict(prediction) if isinstance(prediction, Prediction) else prediction
    return {name: value for name, value in values.items() if value is not None}  # as in the API, without `terms`
