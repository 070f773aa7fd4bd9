"""Should bundle B replace bundle A?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.stats import binomtest

from app.evaluation.metrics import right
from app.inference.bundle import Manifest, load_bundle
from app.inference.classifier import open_classifier
from training.dataset import OWN, Dataset
from training.progress import note


@dataclass(frozen=True)
class Comparison:
    """The difference of two bundles' predictions."""

    only_a: int  # reviews that only A gets right
    only_b: int
    p_value: float  # chance of a split at least this uneven if both were equally good (McNemar 1947; exact)
    flipped: float  # share of reviews whose sentiment changes

    @property
    def verdict(self) -> str:
        """The answer in words."""
        if self.p_value >= 0.05:
            return "no: the difference could well be chance (McNemar's p is 0.05 or more)"
        return "yes: B is better" if self.only_b > self.only_a else "no: A is better"


def score(folder: Path, texts: Sequence[str], runtime: str = "tensorflow") -> tuple[NDArray[np.float32], float]:
    """Score reviews with a bundle as the service does; float32 (reviews,), and the microseconds per review."""
    classifier = open_classifier(load_bundle(folder), runtime)
    started = time.perf_counter()
    probabilities = [prediction.positive_probability for prediction in classifier.predict(texts)]
    return np.array(probabilities, np.float32), 1e6 * (time.perf_counter() - started) / len(texts)


def compare(a: NDArray[np.float32], b: NDArray[np.float32], labels: NDArray[np.float32]) -> Comparison:
    """Compare two bundles' probabilities for the same reviews; all float32 (reviews,)."""
    right_a, right_b = right(a, labels), right(b, labels)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return Comparison(only_a, only_b, p_value, float(np.mean((a >= 0.5) != (b >= 0.5))))


def note_other_split(manifest: Manifest, dataset: Dataset, progress: Progress) -> None:
    """Warn if a bundle was trained with another split, because it may have been trained on some of the test reviews."""
    trained_on, own = manifest.dataset, dataset.own
    if own and trained_on["source"] == OWN and trained_on["split"] != own["split"]:
        note(
            progress,
            f"{manifest.name} {manifest.version} was trained with another split ({trained_on['split']}). It may have "
            f"been trained on some of these test reviews ({own['split']}), and seem better than it is",
        )
