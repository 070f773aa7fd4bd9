"""Labelled predictions for tests."""

import numpy as np

from app.evaluation.metrics import HeldOut


def held_out(probabilities: list[float], labels: list[int], known: list[int] | None = None) -> HeldOut:
    words = np.full(len(labels), 10)
    return HeldOut(
        np.array(probabilities, np.float32),
        np.array(labels, np.float32),
        words,
        words if known is None else np.array(known),
    )
