"""Bundles on disk: a network, its word index and the proof that they are whole.

    models/imdb/1/
      saved_model.pb  variables/  fingerprint.pb   a TensorFlow SavedModel as it is
      model.tflite                                 the same network for LiteRT
      word_index.json                              term -> column
      golden.json                                  reviews and the probabilities that this bundle gives them
      profile.json                                 how its training reviews are spread
      report/                                      how training went and how good the result is
      manifest.json                                everything about it, and the SHA-256 of every other file
      manifest.json.sha256                         the SHA-256 of the manifest, as `sha256sum` writes and checks it

Bundles are immutable and appear whole: `staged_bundle` fills a hidden folder beside the target and renames it.
They are self-contained: every file is a regular one inside the folder and listed in the manifest. A file that is not
listed is refused, since TensorFlow reads some by their names alone (`saved_model.cpb`, `assets/`); only hidden ones,
which file managers and network file systems leave behind and no runtime reads, are passed over.
Nothing in a bundle is ever unpickled.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError, field_validator

from app.inference.errors import BundleDamaged, BundleExists, BundleNotFound, BundleUnwritable, SentimentError
from app.inference.profile import Profile
from app.inference.runtimes import SAVED_MODEL_FILE
from app.inference.text import APOSTROPHES, FILTERED, SEPARATORS
from app.inference.vocabulary import Encoding, Vocabulary

Parsed = TypeVar("Parsed")

MANIFEST = "manifest.json"
SEAL = "manifest.json.sha256"
OWN_NAMES = (".", MANIFEST, SEAL)
"""What a manifest cannot vouch for: the bundle's folder, itself and its seal."""
WORD_INDEX = "word_index.json"
GOLDEN = "golden.json"
PROFILE = "profile.json"

WIDEST = 2**31 - 1
"""Columns are int32."""
LONGEST_TERM = 64
"""Tokens. Each length costs a table and a pass over every review; no useful vocabulary comes near."""


class Golden(BaseModel):
    """A review and the probability that the bundle gave it when it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: str
    positive_probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


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
        files: Relative path -> SHA-256, for every file but the manifest and its seal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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

    @field_validator("encoding", mode="before")
    @classmethod
    def _encoding_is_whole(cls, value: object) -> object:
        # Encoding has the book's values as defaults; in a bundle, one that stepped in would be a wrong answer.
        if isinstance(value, dict):
            missing = [field.name for field in fields(Encoding) if field.name not in value]
            if missing:
                raise ValueError(f"{', '.join(missing)} is missing")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_is_possible(cls, encoding: Encoding) -> Encoding:
        if not 1 <= encoding.columns <= WIDEST:
            raise ValueError(f"columns is {encoding.columns}, outside 1 to {WIDEST}")
        if not 0 <= encoding.first_term_column < encoding.columns:
            raise ValueError(f"first_term_column is {encoding.first_term_column}, outside 0 to {encoding.columns - 1}")
        for name in ("start_column", "unknown_column"):
            column = getattr(encoding, name)
            if column is not None and not 0 <= column < encoding.first_term_column:
                raise ValueError(f"{name} is {column}, not a column before those of the terms")
        if not 1 <= encoding.longest_term <= LONGEST_TERM:
            raise ValueError(f"longest_term is {encoding.longest_term}, outside 1 to {LONGEST_TERM}")
        if not set(encoding.kept_punctuation) <= set(FILTERED + SEPARATORS + APOSTROPHES):
            raise ValueError(f"kept_punctuation is {encoding.kept_punctuation!r}, which is not punctuation alone")
        return encoding

    @field_validator("files")
    @classmethod
    def _files_are_inside(cls, files: dict[str, str]) -> dict[str, str]:
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name or name in OWN_NAMES:
                raise ValueError(f"{name!r} is not the name of a file in a bundle")
        return files


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and verified; its network is not loaded yet.

    Attributes:
        folder: Where it lies.
        manifest: What it says about itself.
        digest: SHA-256 of the manifest, which holds the digest of every other file: it names the bundle's content.
        vocabulary: The word index with its encoding.
        golden: The reviews that prove the network right once it is loaded.
        profile: How its training reviews are spread.
    """

    folder: Path
    manifest: Manifest
    digest: str
    vocabulary: Vocabulary
    golden: tuple[Golden, ...]
    profile: Profile


def find_bundle(models: Path, version: str | None = None) -> Path:
    """Find a bundle's folder.

    Args:
        models: The folder of versions, for example `models/imdb`.
        version: Which one; the newest, that is the largest number, when None.

    Raises:
        BundleNotFound: There is no such folder or version.
    """
    try:
        versions = bundle_versions(models)
    except OSError as error:
        raise BundleNotFound(
            f"{models}: cannot be read ({error.strerror}). Let the service's user read it, or name another place with "
            "SENTIMENT_MODEL_DIR"
        ) from error
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
        BundleDamaged: A file is missing, changed, unreadable, foreign, leads out of the bundle, or contradicts the
            manifest. No other error comes out, whatever the files hold.
    """
    try:
        return _load(folder)
    except SentimentError:
        raise
    except OSError as error:
        raise BundleDamaged(Path(error.filename or folder), f"it cannot be read ({error.strerror})") from error
    except Exception as error:  # nothing known comes here; the cause is chained
        raise BundleDamaged(folder, f"it cannot be read ({type(error).__name__})") from error


def _load(folder: Path) -> Bundle:
    path = folder / MANIFEST
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BundleNotFound(
            f"{folder}: not a bundle, it holds no {MANIFEST}. Point SENTIMENT_MODEL_DIR to a folder of bundles, "
            "such as models/imdb"
        ) from error
    content = _read(folder, MANIFEST)
    if _read(folder, SEAL) != _seal_of(content):
        raise BundleDamaged(
            folder / SEAL, f"it is not the line of sha256sum for {path}, so one of the two was changed or cut short"
        )
    manifest = _parsed(path, content, Manifest, "a manifest of this version of the service")
    if manifest.version != folder.name:
        raise BundleDamaged(path, f"it belongs to version {manifest.version}, but the folder is named {folder.name}")
    for name in (WORD_INDEX, GOLDEN, PROFILE, SAVED_MODEL_FILE):
        if name not in manifest.files:
            raise BundleDamaged(path, f"it lists no {name}")
    files = {name: _verified(folder, name, digest) for name, digest in manifest.files.items()}
    if foreign := sorted(_found(folder) - set(files) - set(OWN_NAMES)):
        raise BundleDamaged(
            folder / foreign[0], f"it is no part of the bundle, {MANIFEST} does not list it; take it away"
        )
    return Bundle(
        folder,
        manifest,
        hashlib.sha256(content).hexdigest(),
        _vocabulary(folder / WORD_INDEX, files[WORD_INDEX], manifest),
        _golden(folder / GOLDEN, files[GOLDEN]),
        _parsed(folder / PROFILE, files[PROFILE], Profile, "a profile of training reviews"),
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
        if not path.is_file():  # to open a named pipe would wait for ever
            raise BundleDamaged(path, "it is not a regular file")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BundleDamaged(path, "it is missing") from error
    except OSError as error:
        raise BundleDamaged(path, f"it cannot be read ({error.strerror})") from error
    except MemoryError as error:
        raise BundleDamaged(path, "it does not fit into the memory") from error
    except RuntimeError as error:  # Python before 3.13 says so of links that lead in a circle
        raise BundleDamaged(path, "it is a link that leads to itself") from error


def _found(folder: Path) -> set[str]:
    """The relative paths of what lies in a bundle: files, and links to folders, which are not followed."""

    def fail(error: OSError) -> None:
        raise error

    found = set()
    for place, folders, files in os.walk(folder, onerror=fail):
        links = [name for name in folders if Path(place, name).is_symlink()]
        found |= {Path(place, name).relative_to(folder).as_posix() for name in (*files, *links) if name[0] != "."}
        folders[:] = [name for name in folders if name[0] != "."]
    return found


def _parsed(path: Path, content: bytes, type_: type[Parsed], what: str) -> Parsed:
    _check_json(path, content)
    try:
        return TypeAdapter(type_).validate_json(content, strict=True)
    except ValidationError as error:
        raise BundleDamaged(path, f"not {what}: {_first(error)}") from error


def _check_json(path: Path, content: bytes) -> None:
    """Refuse what pydantic would let pass or stumble over: keys that come twice, NaN, endless nesting."""
    try:
        json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise BundleDamaged(path, "not JSON of this service: it is nested too deeply") from error
    except ValueError as error:  # of decoding, of syntax, and of the functions below
        raise BundleDamaged(path, f"not JSON of this service: {error}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        ((key, times),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {key!r} stands there {times} times")
    return unique


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number} is not a number that bundles hold")
    return value


def _vocabulary(path: Path, content: bytes, manifest: Manifest) -> Vocabulary:
    word_index = _parsed(path, content, dict[str, int], "a word index")
    try:
        vocabulary = Vocabulary(word_index, manifest.encoding)
    except ValueError as error:
        raise BundleDamaged(path, str(error)) from error
    if len(vocabulary) != manifest.vocabulary_size:
        raise BundleDamaged(path, f"it holds {len(vocabulary)} terms, the manifest says {manifest.vocabulary_size}")
    return vocabulary


def _golden(path: Path, content: bytes) -> tuple[Golden, ...]:
    golden = _parsed(path, content, tuple[Golden, ...], "a list of golden reviews")
    if not golden:
        raise BundleDamaged(path, "it holds no review, so nothing would prove the network right")
    return golden


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg'].removeprefix('Value error, ')}"


@contextmanager
def staged_bundle(models: Path, version: str) -> Iterator[Path]:
    """Give a folder to fill; it becomes `models/version` when the block ends, and vanishes when the block fails.

    The folder is made beside the target, so that the last step is one rename within a file system. Interrupts count
    as failures: nothing half-made stays.

    Raises:
        BundleExists: There is something under this version already.
        BundleUnwritable: The system refused to write; the disk is full, say.
    """
    target = models / version
    try:
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
    except OSError as error:
        raise BundleUnwritable(target, str(error)) from error


def write_word_index(folder: Path, vocabulary: Vocabulary) -> None:
    """Write the word index of a staged bundle, in the order of its columns."""
    ordered = sorted(vocabulary.word_index.items(), key=lambda item: item[1])
    write_json(folder / WORD_INDEX, dict(ordered), indent=None)


def write_profile(folder: Path, profile: Profile) -> None:
    """Write how the training reviews of a staged bundle are spread."""
    write_json(folder / PROFILE, profile.model_dump(mode="json"))


def write_golden(folder: Path, golden: list[Golden]) -> None:
    """Write the golden reviews of a staged bundle."""
    write_json(folder / GOLDEN, [item.model_dump() for item in golden])


def write_manifest(folder: Path, **facts: Any) -> Manifest:
    """Write the manifest of a staged bundle and seal it: the last files.

    Args:
        folder: The staged bundle, complete but for the manifest.
        facts: The attributes of `Manifest`, less `files`.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if (name := path.relative_to(folder).as_posix()) not in OWN_NAMES
    }
    manifest = Manifest(files=digests, **facts)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    write_seal(folder)
    return manifest


def write_seal(folder: Path) -> None:
    """Write the manifest's SHA-256 beside it; `sha256sum -c manifest.json.sha256` in the folder checks it."""
    (folder / SEAL).write_bytes(_seal_of((folder / MANIFEST).read_bytes()))


def _seal_of(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Write a JSON file as bundles hold them: UTF-8, readable, ended by a newline, NaN refused."""
    path.write_text(
        json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
    )
