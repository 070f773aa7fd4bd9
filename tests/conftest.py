"""Fixtures: a tiny bundle trained once per session, the real app with it, and the real reviews if available."""

import fcntl
import logging
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from fastapi.testclient import TestClient
from rich.console import Console
from rich.progress import Progress

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle, load_bundle
from app.main import create_app
from app.model.classifier import Classifier
from app.settings import Settings
from benchmarks.environments import environment
from tests.corpus import files, write_archive
from tests.models import MODELS, VERSIONS, break_golden_review
from tests.servers import Server, serving

# If an operator sets it to 1, TensorFlow announces that on standard error, which tests compare with "".
os.environ.pop("TF_ENABLE_ONEDNN_OPTS", None)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes a line for each request of a test

ROOT = Path(__file__).resolve().parent.parent
TINY: dict[str, Any] = {"validation": 40, "epochs": 6, "batch_size": 16}
"""What the recipe `book` needs for the tiny data set."""

# The same examples each time, without a time limit.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Folders for what uv and npm download, if HOME is not writable."""
    if not os.access(Path.home(), os.W_OK):
        for name in ("UV_CACHE_DIR", "npm_config_cache"):
            os.environ.setdefault(name, str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data set."""
    return write_archive(tmp_path_factory.mktemp("corpus") / "aclImdb.tar.gz", files())


def trained(archive: Path, version: str, factory: pytest.TempPathFactory, **recipe: Any) -> Path:
    """A bundle of the tiny data set, trained by the first of xdist's workers that needs it."""
    # Imported here because TensorFlow takes seconds, also in the process that only starts xdist's workers.
    from training.archive import load_archives
    from training.book import Book
    from training.train import train_bundle

    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # that of all workers
    models = folder / f"models-{version}" / "tiny"
    models.mkdir(parents=True, exist_ok=True)
    with (models.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (models / version).exists():
            progress = Progress(disable=True)
            train_bundle(load_archives([archive], progress), Book(**recipe), models, version, progress)
    return models


@pytest.fixture(scope="session")
def models(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one bundle, trained on the tiny data set."""
    return trained(archive, "1", tmp_path_factory, **TINY)


@pytest.fixture(scope="session")
def newer(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2 of the tiny bundle, with other probabilities, in a folder of its own."""
    return trained(archive, "2", tmp_path_factory, **TINY | {"epochs": 1}) / "2"


@pytest.fixture(scope="session")
def bundle(models: Path) -> Bundle:
    return load_bundle(models / "1")


@pytest.fixture
def damaged_golden(models: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle with the right digests, but a golden review that the network scores differently."""
    copy = Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))
    break_golden_review(copy)
    return copy


@pytest.fixture(scope="session")
def classifier(bundle: Bundle) -> Classifier:
    return open_classifier(bundle, "tensorflow")


@pytest.fixture(scope="session")
def shipped() -> dict[str, Classifier]:
    """The bundles that the repository ships, by version."""
    return {version: open_classifier(load_bundle(MODELS / version), "tensorflow") for version in VERSIONS}


@pytest.fixture(scope="session")
def client(models: Path) -> Iterator[TestClient]:
    """The real app with the tiny bundle, ready."""
    settings = Settings(
        model_dir=models, max_reviews=8, max_characters=1000, max_body_bytes=20_000, log_level="warning"
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def server(models: Path) -> Iterator[Server]:
    """The real service with the tiny bundle, on a real port, ready."""
    with serving(model_dir=models) as server:
        yield server


@pytest.fixture(scope="session")
def served() -> Iterator[Server]:
    """The service as `make serve RUNTIME=numpy` runs it: the shipped bundle with NumPy; ready."""
    with serving(runtime="numpy") as server:
        yield server


@pytest.fixture(scope="session")
def limited(models: Path) -> Iterator[Server]:
    """The service with the tiny bundle and the low limits of `client`, with NumPy."""
    limits = {"max_reviews": 8, "max_characters": 1000, "max_body_bytes": 20_000}
    with serving(model_dir=models, runtime="numpy", **limits) as server:
        yield server


@pytest.fixture
def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def imdb() -> Path:
    """The archive of the real labelled reviews; tests that need it are skipped without it."""
    folder = Path(os.environ.get("IMDB", ROOT.parent / "shared/data"))
    found = [path for name in ("aclImdb_labelled.tar*", "aclImdb_v1.tar*") for path in sorted(folder.glob(name))]
    if not found:
        pytest.skip(f"no aclImdb_labelled.tar* or aclImdb_v1.tar* in {folder}; IMDB names another folder")
    return found[0]


@pytest.fixture(scope="session")
def protocols() -> Path:
    """A Python with tritonclient and kserve, which are installed the first time."""
    try:
        return environment(ROOT / "requirements/protocols.txt", Console(quiet=True))
    except subprocess.CalledProcessError as error:
        pytest.skip(f"requirements/protocols.txt cannot be installed: {error}")
