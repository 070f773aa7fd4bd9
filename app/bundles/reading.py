"""Reading bundles: every file is verified before anything uses it; see `app.bundles.manifest` for what they contain."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from ..model.errors import BundleError, SentimentError, damaged
from ..model.network import Network
from ..model.runtimes import SAVED_MODEL_FILE
from ..model.vocabulary import Vocabulary
from .manifest import (
    CHECKSUM,
    GOLDEN,
    MANIFEST,
    NETWORK,
    OWN_NAMES,
    PROFILE,
    WORD_INDEX,
    Golden,
    Manifest,
    checksum_of,
    sha256_of,
)
from .profile import Profile


@dataclass(frozen=True)
class Bundle:
    """A verified bundle, whose network is not loaded yet.

    Attributes:
        digest: SHA-256 of the manifest, which identifies the bundle's content.
        profile: Histograms of its training reviews; of a calibrated bundle, of the labelled texts.
        network: Its layers; None in bundles of version 0.2.0 and older.
    """

    folder: Path
    manifest: Manifest
    digest: str
    vocabulary: Vocabulary
    golden: tuple[Golden, ...]
    profile: Profile
    network: Network | None


class BundleId(NamedTuple):
    """What identifies a bundle: its folder, and the digest of its content."""

    folder: Path
    digest: str


def find_bundle(models: Path, versions: str | None = None) -> Path:
    """Find the folder of the default version; see `find_bundles`."""
    return find_bundles(models, versions)[0]


def find_bundles(models: Path, versions: str | None = None) -> list[Path]:
    """Find the folders of bundles.

    Args:
        models: The folder of versions, for example `models/imdb`.
        versions: The versions, separated by commas, or `all`; the highest if None.

    Returns:
        At least one folder, the default version first: the first one that `versions` names, or the highest.

    Raises:
        BundleError: There is no such folder or version.
    """
    try:
        existing = [str(version) for version in reversed(bundle_versions(models))]
    except OSError as error:
        raise BundleError(
            f"{models}: cannot be read ({error.strerror}). Make it readable for this user, or choose another folder "
            "with --model-dir or SENTIMENT_MODEL_DIR"
        ) from error
    if not existing:
        raise BundleError(
            f"{models}: no bundle here; expected a folder with a number as its name, such as {models / '1'}. "
            "Choose another folder with --model-dir or SENTIMENT_MODEL_DIR, or train a bundle with `python -m training`"
        )
    if versions is None:
        return [models / existing[0]]
    chosen = existing if versions == "all" else list(dict.fromkeys(version.strip() for version in versions.split(",")))
    for version in chosen:
        if version not in existing:
            raise BundleError(
                f"{models}: no version {version!r}; available: {', '.join(existing)}. "
                "Choose one with --model-version or SENTIMENT_MODEL_VERSION"
            )
    return [models / version for version in chosen]


def bundle_versions(models: Path) -> list[int]:
    """List the versions in `models`, lowest first; folders whose name is not a plain number are ignored."""
    if not models.is_dir():
        return []
    versions = (version_of(path) for path in models.iterdir() if path.is_dir())
    return sorted(version for version in versions if version is not None)


def version_of(folder: Path) -> int | None:
    """The version that a folder's name stands for; None if it is not a plain number."""
    name = folder.name
    return int(name) if name.isascii() and name.isdigit() and str(int(name)) == name else None


def load_bundles(models: Path, versions: str | None = None) -> list[Bundle]:
    """Find the bundles to serve, the default first, and load each; see `find_bundles` and `load_bundle`."""
    return [load_bundle(folder) for folder in find_bundles(models, versions)]


def identify_bundles(models: Path, versions: str | None = None) -> list[BundleId]:
    """Find bundles as `find_bundles` does, for other processes that have to load exactly these.

    Raises:
        BundleError: There is no such folder or version, or a manifest cannot be read.
    """
    with _naming(models):
        return [BundleId(folder, sha256_of(_read(folder, MANIFEST))) for folder in find_bundles(models, versions)]


def load_bundle(folder: Path, digest: str | None = None) -> Bundle:
    """Read a bundle and verify all of its files.

    Args:
        folder: Its folder.
        digest: The digest that it must have; None for any.

    Raises:
        BundleError: A file is missing, changed, unreadable, unlisted, outside the bundle, or contradicts the
            manifest, or the digest is another one. No other error is raised, whatever the files contain.
    """
    with _naming(folder):
        bundle = _load(folder)
    if digest not in (None, bundle.digest):
        raise damaged(folder, f"its digest should be {digest}, but is {bundle.digest}: it has been replaced")
    return bundle


def _load(folder: Path) -> Bundle:
    path = folder / MANIFEST
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_bundle(folder) from error
    content = _read(folder, MANIFEST)
    if _read(folder, CHECKSUM) != checksum_of(content):
        raise damaged(folder / CHECKSUM, f"it does not match {path}, so one of the two was changed or truncated")
    with _naming(path, "a manifest of this version of the service"):
        manifest = Manifest.model_validate_json(content, strict=True)
    if manifest.version != folder.name:
        raise damaged(path, f"it belongs to version {manifest.version}, but the folder is named {folder.name}")
    for name in (WORD_INDEX, GOLDEN, PROFILE, SAVED_MODEL_FILE):
        if name not in manifest.files:
            raise damaged(path, f"it lists no {name}")
    files = {name: _read(folder, name) for name in manifest.files}
    for name, file in files.items():
        if sha256_of(file) != manifest.files[name]:
            raise damaged(folder / name, "its SHA-256 is not the one in the manifest, so it was changed or truncated")
    if foreign := sorted(_found(folder) - {*files, *OWN_NAMES}):
        raise damaged(folder / foreign[0], f"it does not belong to the bundle: {MANIFEST} does not list it; remove it")
    with _naming(folder / WORD_INDEX, "a word index"):
        word_index = TypeAdapter(dict[str, int]).validate_json(files[WORD_INDEX], strict=True)
        vocabulary = Vocabulary(word_index, manifest.encoding)
        if len(vocabulary) != manifest.vocabulary_size:
            raise ValueError(f"it has {len(vocabulary)} terms, but the manifest says {manifest.vocabulary_size}")
    with _naming(folder / GOLDEN, "a list of golden reviews"):
        golden = TypeAdapter(tuple[Golden, ...]).validate_json(files[GOLDEN], strict=True)
        if not golden:
            raise ValueError("it has no reviews, so nothing would verify the network")
    with _naming(folder / PROFILE, "a profile of training reviews"):
        profile = Profile.model_validate_json(files[PROFILE], strict=True)
    with _naming(folder / NETWORK, "the layers of a network"):
        network = Network.read(files[NETWORK]) if NETWORK in files else None
    return Bundle(folder, manifest, sha256_of(content), vocabulary, golden, profile, network)


def _no_bundle(folder: Path) -> BundleError:
    if not folder.exists():
        return BundleError(f"{folder}: no such folder")
    if versions := bundle_versions(folder):
        return BundleError(f"{folder}: a folder of bundles; choose one of them, such as {folder / str(versions[-1])}")
    return BundleError(
        f"{folder}: not a bundle, it has no {MANIFEST}. The folder of a bundle has its version as its name, such as "
        "models/imdb/1"
    )


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    try:
        if not path.resolve(strict=True).is_relative_to(folder.resolve()):
            raise damaged(path, "it is a link to a file outside the bundle")
        if not path.is_file():  # opening a named pipe would block forever
            raise damaged(path, "it is not a regular file")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise damaged(path, "it is missing") from error


def _found(folder: Path) -> set[str]:
    """The relative paths of the files in a bundle, and of links to folders, which are not followed."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {file.as_posix() for file in files if not any(part.startswith(".") for part in file.parts)}


@contextmanager
def _naming(path: Path, what: str = "a bundle") -> Iterator[None]:
    """Turn any error into one that names the file, and what it should be."""
    try:
        yield
    except SentimentError:
        raise
    except OSError as error:
        raise damaged(Path(error.filename or path), f"it cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        fault = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg'].removeprefix('Value error, ')}"
        raise damaged(path, f"not {what}: {fault}") from error
    except ValueError as error:
        raise damaged(path, str(error)) from error
    except Exception as error:  # unexpected; the cause is chained
        raise damaged(path, f"it cannot be read ({type(error).__name__})") from error
