"""Bundles on disk: a network, its word index and the proof that they are whole.

    models/imdb/1/
      saved_model.pb  variables/  fingerprint.pb   a TensorFlow SavedModel as it is
      model.tflite                                 the same network for LiteRT
      word_index.json                              term -> column
      golden.json                                  reviews and the probabilities that this bundle gives them
      report/                                      how training went and how good the result is
      manifest.json                                everything about it, and the SHA-256 of every other file

Bundles are immutable and appear whole: `staged_bundle` fills a hidden folder beside the target and renames it.
Nothing in a bundle is ever unpickled.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from app.inference.errors import BundleDamaged, BundleExists, BundleNotFound
from app.inference.vocabulary import Encoding, Vocabulary

MANIFEST = "manifest.json"
WORD_INDEX = "word_index.json"
GOLDEN = "golden.json"


class Golden(BaseModel):
    """A review and the probability that the bundle gave it when it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: str
    positive_probability: float


class Manifest(BaseModel):
    """Everything that is to be known about a bundle.

    Attributes:
        name: What the bundle classifies; the name of the folder of its versions.
        version: A whole number, larger for newer bundles.
        created: When training ended; ISO 8601, UTC.
        encoding: How reviews become rows.
        vocabulary_size: Terms in the word index.
        recipe: What the network was trained with, the seed included.
        dataset: Where the reviews came from, how many there were, and their SHA-256.
        metrics: Measured once on the test reviews: loss, accuracy and others.
        libraries: Library -> the version that training used.
        files: Relative path -> SHA-256, for every file but the manifest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    created: str
    encoding: Encoding
    vocabulary_size: int
    recipe: dict[str, JsonValue]
    dataset: dict[str, JsonValue]
    metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and verified; its network is not loaded yet.

    Attributes:
        folder: Where it lies.
        manifest: What it says about itself.
        digest: SHA-256 of the manifest, which holds the digest of every other file: it names the bundle's content.
        vocabulary: The word index with its encoding.
        golden: The reviews that prove the network right once it is loaded.
    """

    folder: Path
    manifest: Manifest
    digest: str
    vocabulary: Vocabulary
    golden: tuple[Golden, ...]


def find_bundle(models: Path, version: str | None = None) -> Path:
    """Find a bundle's folder.

    Args:
        models: The folder of versions, for example `models/imdb`.
        version: Which one; the newest, that is the largest number, when None.

    Raises:
        BundleNotFound: There is no such folder or version.
    """
    versions = bundle_versions(models)
    if not versions:
        raise BundleNotFound(
            f"{models}: no bundle here, expected a folder named by a number, such as {models / '1'}. "
            "Name another place with SENTIMENT_MODEL_DIR, or train one with `python -m training`"
        )
    if version is None:
        return models / str(versions[-1])
    if version not in map(str, versions):
        raise BundleNotFound(
            f"{models}: no version {version!r}; there are {', '.join(map(str, versions))}. "
            "Choose one with SENTIMENT_MODEL_VERSION"
        )
    return models / version


def bundle_versions(models: Path) -> list[int]:
    """List the versions under `models`, oldest first; folders not named by a plain number are none."""
    if not models.is_dir():
        return []
    names = [path.name for path in models.iterdir() if path.is_dir()]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit() and str(int(name)) == name)


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify every file of it.

    Raises:
        BundleNotFound: There is no manifest.
        BundleDamaged: A file is missing, changed, unreadable, leads out of the bundle, or contradicts the manifest.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleNotFound(
            f"{folder}: not a bundle, it holds no {MANIFEST}. Point SENTIMENT_MODEL_DIR to a folder of bundles, "
            "such as models/imdb"
        )
    content = _read(folder, MANIFEST)
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BundleDamaged(path, f"not a manifest of this version of the service: {_first(error)}") from error
    if manifest.version != folder.name:
        raise BundleDamaged(path, f"it belongs to version {manifest.version}, but the folder is named {folder.name}")
    files = {name: _verified(folder, name, digest) for name, digest in manifest.files.items()}
    for name in (WORD_INDEX, GOLDEN, "saved_model.pb"):
        if name not in files:
            raise BundleDamaged(path, f"it lists no {name}")
    return Bundle(
        folder,
        manifest,
        hashlib.sha256(content).hexdigest(),
        _vocabulary(folder / WORD_INDEX, files[WORD_INDEX], manifest),
        _golden(folder / GOLDEN, files[GOLDEN]),
    )


def _verified(folder: Path, name: str, digest: str) -> bytes:
    content = _read(folder, name)
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleDamaged(folder / name, "its SHA-256 is not the one in the manifest, so it was changed or cut short")
    return content


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve(strict=True)):
            raise BundleDamaged(path, "it leads out of the bundle")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BundleDamaged(path, "it is missing") from error
    except OSError as error:
        raise BundleDamaged(path, f"it cannot be read ({error.strerror})") from error


def _vocabulary(path: Path, content: bytes, manifest: Manifest) -> Vocabulary:
    try:
        word_index = TypeAdapter(dict[str, int]).validate_json(content, strict=True)
        vocabulary = Vocabulary(word_index, manifest.encoding)
    except ValidationError as error:
        raise BundleDamaged(path, f"not a word index: {_first(error)}") from error
    except ValueError as error:
        raise BundleDamaged(path, str(error)) from error
    if len(vocabulary) != manifest.vocabulary_size:
        raise BundleDamaged(path, f"it holds {len(vocabulary)} terms, the manifest says {manifest.vocabulary_size}")
    return vocabulary


def _golden(path: Path, content: bytes) -> tuple[Golden, ...]:
    try:
        golden = TypeAdapter(tuple[Golden, ...]).validate_json(content)
    except ValidationError as error:
        raise BundleDamaged(path, f"not a list of golden reviews: {_first(error)}") from error
    if not golden:
        raise BundleDamaged(path, "it holds no review, so nothing would prove the network right")
    return golden


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"


@contextmanager
def staged_bundle(models: Path, version: str) -> Iterator[Path]:
    """Give a folder to fill; it becomes `models/version` when the block ends, and vanishes when the block fails.

    The folder is made beside the target, so that the last step is one rename within a file system. Interrupts count
    as failures: nothing half-made stays.

    Raises:
        BundleExists: There is something under this version already.
    """
    target = models / version
    if target.exists():
        raise BundleExists(f"{target}: bundles are immutable and this version exists; choose another --version")
    models.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=models))
    try:
        yield staging
        staging.chmod(0o755)  # mkdtemp makes it private; a service under another user must be able to read it
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_word_index(folder: Path, vocabulary: Vocabulary) -> None:
    """Write the word index of a staged bundle, in the order of its columns."""
    ordered = sorted(vocabulary.word_index.items(), key=lambda item: item[1])
    write_json(folder / WORD_INDEX, dict(ordered), indent=None)


def write_golden(folder: Path, golden: list[Golden]) -> None:
    """Write the golden reviews of a staged bundle."""
    write_json(folder / GOLDEN, [item.model_dump() for item in golden])


def write_manifest(folder: Path, **facts: Any) -> Manifest:
    """Write the manifest of a staged bundle, its last file.

    Args:
        folder: The staged bundle, complete but for the manifest.
        facts: The attributes of `Manifest`, less `files`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    digests = {
        str(path.relative_to(folder).as_posix()): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
    manifest = Manifest(files=digests, **facts)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Write a JSON file as bundles hold them: UTF-8, readable, ended by a newline, NaN refused."""
    path.write_text(
        json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
    )
