"""Log-odds and their correction."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model.calibration import MAX_SCALE, MAX_SHIFT, MIN_SCALE, calibrated, log_odds

PROBABILITIES = st.floats(0, 1, width=32)
SCALES, SHIFTS = st.floats(MIN_SCALE, MAX_SCALE), st.floats(-MAX_SHIFT, MAX_SHIFT)


@given(PROBABILITIES, PROBABILITIES, SCALES, SHIFTS)
def test_calibrated_probabilities_are_possible_and_in_the_same_order(
    low: float, high: float, scale: float, shift: float
) -> None:
    one, other = (calibrated(p, scale, shift) for p in sorted((low, high)))
    assert 0 < one <= other < 1


def test_calibrated_by_hand() -> None:
    assert calibrated(0.5, 2, 0) == 0.5
    assert calibrated(0.8, 0.5, 0) == pytest.approx(2 / 3)
    assert log_odds(calibrated(0.8, 3, -1)) == pytest.approx(3 * log_odds(0.8) - 1)
    assert calibrated(0.3, 1, 0) == pytest.approx(0.3)
    assert log_odds(0) == pytest.approx(-126 * math.log(2))
    assert log_odds(1) == pytest.approx(25 * math.log(2))
