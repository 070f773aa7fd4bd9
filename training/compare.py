"""Comparing two bundles on the same test reviews: the new one with the one that is served, or any two."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from scipy.stats import binomtest

from app.bundles.manifest import Manifest
from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, bundle_versions, load_bundle
from app.evaluation.metrics import measure, right
from app.model.errors import SentimentError
from training.dataset import OWN, Dataset
from training.progress import note

IMDB_MODELS = Path("models/imdb")
"""The folder that `python -m app` serves by default, in a checkout."""
TRAINED = Path("trained/imdb")
"""Where training writes by default. Nothing serves this folder unless SENTIMENT_MODEL_DIR names it."""


@dataclass(frozen=True)
class Comparison:
    """The difference of two bundles' predictions."""

    only_a: int  # reviews that only A gets right
    only_b: int
    p_value: float  # chance of a split at least this uneven if both were equally good (McNemar 1947; exact)
    flipped: float  # share of reviews whose sentiment changes

    @property
    def verdict(self) -> str:
        """Whether B should replace A."""
        if self.p_value >= 0.05:
            return "no: the difference could well be chance (McNemar's p is 0.05 or more)"
        return "yes: B is better" if self.only_b > self.only_a else "no: A is better"


def compare(a: NDArray[np.float32], b: NDArray[np.float32], labels: NDArray[np.float32]) -> Comparison:
    """Compare two bundles' probabilities for the same reviews; all float32 (reviews,)."""
    right_a, right_b = right(a, labels), right(b, labels)
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(right_b & ~right_a))
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return Comparison(only_a, only_b, p_value, float(np.mean((a >= 0.5) != (b >= 0.5))))


def predict_as_served(
    bundle: Bundle, texts: Sequence[str], runtime: str = "tensorflow"
) -> tuple[NDArray[np.float32], float]:
    """Predict raw reviews as the service does; float32 (reviews,), and the microseconds per review."""
    classifier = open_classifier(bundle, runtime)
    started = time.perf_counter()
    probabilities = [prediction.positive_probability for prediction in classifier.predict(texts)]
    return np.array(probabilities, np.float32), 1e6 * (time.perf_counter() - started) / len(texts)


def note_other_split(manifest: Manifest, dataset: Dataset, progress: Progress) -> None:
    """Warn if a bundle was trained with another split, because it may have been trained on some of the test reviews."""
    trained_on, own = manifest.dataset, dataset.own
    if own and trained_on["source"] == OWN and trained_on["split"] != own["split"]:
        note(
            progress,
            f"{manifest.name} {manifest.version} was trained with another split ({trained_on['split']}). It may have "
            f"been trained on some of these test reviews ({own['split']}), and seem better than it is",
        )


class Served(NamedTuple):
    """The bundle that is served by default."""

    folder: Path
    title: str  # its name and version
    metrics: Mapping[str, float]  # what `measure` returns for the test reviews


def measure_served(models: Path | None, dataset: Dataset, progress: Progress) -> Served | None:
    """Measure the bundle that is served by default: the highest version in `models`, or else in the default folder.

    Returns:
        None if there is no such bundle, or it cannot predict the test reviews; the user is told why.
    """
    folders = [IMDB_MODELS] if models is None else [models, IMDB_MODELS]
    folder = next((each / str(versions[-1]) for each in folders if (versions := bundle_versions(each))), None)
    if folder is None:
        return None
    if dataset.test.texts is None:
        note(progress, f"without raw reviews, the new bundle will not be compared with {folder}")
        return None
    try:
        bundle = load_bundle(folder)
        # With NumPy, because the runtime for TensorFlow would limit the training that follows to one thread.
        probabilities, _ = predict_as_served(bundle, dataset.test.texts, "numpy")
    except SentimentError as error:
        note(progress, f"the new bundle will not be compared with the one that is served: {error}")
        return None
    manifest = bundle.manifest
    note_other_split(manifest, dataset, progress)
    return Served(folder, f"{manifest.name} {manifest.version}", measure(probabilities, dataset.test.labels))


def next_version(models: Path | None) -> int:
    """The version after the highest one in the folder; by default, also after those that the bundle may be moved to."""
    folders = (TRAINED, IMDB_MODELS) if models is None else (models,)
    return max((version for folder in folders for version in bundle_versions(folder)), default=0) + 1


def next_steps(new: Path, metrics: Mapping[str, float], served: Served | None) -> Sequence[str]:
    """Say whether a new bundle is better than the one that is served, and how to serve either."""
    lines = [f"serve {new}: {_serve(new)}"]
    if served is None:
        return lines
    old = served.folder
    is_better = metrics["loss"] < served.metrics["loss"] and metrics["accuracy"] > served.metrics["accuracy"]
    lines.insert(0, f"{new} is {'' if is_better else 'not '}better than {old} in both loss and accuracy")
    lines.append(f"serve {old}: {_serve(old)}")
    if new.parent == TRAINED and is_better:
        lines.append(f"serve {new} by default: mv {new} {IMDB_MODELS}/")
    elif new.parent == old.parent and int(new.name) > int(old.name):
        lines.append(f"by default, {new} is served now, because its version is the highest in {new.parent}")
    return lines


def _serve(bundle: Path) -> str:
    return f"SENTIMENT_MODEL_DIR={shlex.quote(str(bundle.parent))} SENTIMENT_MODEL_VERSION={bundle.name} make serve"
