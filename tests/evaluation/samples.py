"""Labelled predictions for tests."""

import numpy as np
from scipy.special import expit

from app.evaluation.metrics import HeldOut


def held_out(probabilities: list[float], labels: list[int], known: list[int] | None = None) -> HeldOut:
    words = np.full(len(labels), 10)
    return HeldOut(
        np.array(probabilities, np.float32),
        np.array(labels, np.float32),
        words,
        words if known is None else np.array(known),
    )


def predictions(texts: int, scale: float, shift: float, seed: int = 0) -> HeldOut:
    """Predictions of a model for texts where its log-odds should be multiplied by `scale`, then moved by `shift`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 3, texts)
    labels = (rng.random(texts) < expit(scale * x + shift)).astype(np.float32)
    return HeldOut(expit(x).astype(np.float32), labels, np.full(texts, 10), np.full(texts, 10))
