"""The bundle that is served by default, with which a new one is compared on the same test reviews."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from app.evaluation.metrics import measure
from app.inference.bundle import bundle_versions, load_bundle
from app.inference.errors import SentimentError
from training.compare import note_other_split, score
from training.dataset import Dataset
from training.progress import note

IMDB_MODELS = Path("models/imdb")
"""The folder that `python -m app` serves by default, in a checkout."""
TRAINED = Path("trained/imdb")
"""Where training writes by default. Nothing serves this folder unless SENTIMENT_MODEL_DIR names it."""


class Served(NamedTuple):
    """The bundle that is served by default.

    Attributes:
        folder: Its folder.
        title: Its name and version.
        metrics: What `measure` returns for the test reviews.
    """

    folder: Path
    title: str
    metrics: Mapping[str, float]


def next_version(models: Path | None) -> int:
    """The version after the highest one in the folder; by default, also after those that the bundle may be moved to."""
    folders = (TRAINED, IMDB_MODELS) if models is None else (models,)
    return max((version for folder in folders for version in bundle_versions(folder)), default=0) + 1


def measure_served(models: Path | None, dataset: Dataset, progress: Progress) -> Served | None:
    """Score the test reviews with the bundle that is served by default.

    Args:
        models: The folder for the new bundle, whose highest version is served if it has one already; None for the
            default.
        dataset: The test reviews.
        progress: Shows the progress.

    Returns:
        None if there is no such bundle, or it cannot score the reviews; the user is told why.
    """
    folders = [IMDB_MODELS] if models is None else [models, IMDB_MODELS]
    folder = next((each / str(versions[-1]) for each in folders if (versions := bundle_versions(each))), None)
    if folder is None:
        return None
    if dataset.test.texts is None:
        note(progress, f"without raw reviews, the new bundle will not be compared with {folder}")
        return None
    task = progress.add_task(f"scoring the test reviews with {folder}", total=None)
    try:
        manifest = load_bundle(folder).manifest
        # With NumPy, because the runtime for TensorFlow would limit the training that follows to one thread.
        probabilities, _ = score(folder, dataset.test.texts, "numpy")
    except SentimentError as error:
        note(progress, f"the new bundle will not be compared with the one that is served: {error}")
        return None
    finally:
        progress.remove_task(task)
    note_other_split(manifest, dataset, progress)
    return Served(folder, f"{manifest.name} {manifest.version}", measure(probabilities, dataset.test.labels))


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
