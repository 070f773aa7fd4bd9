"""Writing bundles: completely or not at all, with the SHA-256 of every file.

`app.bundles.manifest` says what a bundle contains. Functions write its files into a staged folder, the manifest last.
"""

import json
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..model.errors import BundleError
from ..model.network import Network
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

STOPPING = (signal.SIGTERM, signal.SIGHUP)
"""Sent by process managers, and by a terminal that is closed."""


@contextmanager
def staged_bundle(models: Path, version: str) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `models/version` when the block ends, and is removed if the block fails.

    The folder is created next to the target, so that the last step is a rename within one file system. Meanwhile,
    signals that would end this process raise KeyboardInterrupt, as Ctrl-C does.

    Raises:
        BundleError: This version already exists, or writing failed, for example because the disk is full.
    """
    target = models / version
    if target.exists():
        raise BundleError(f"{target}: bundles are immutable, and this version exists; choose another one")
    fatal = [number for number in STOPPING if signal.getsignal(number) == signal.SIG_DFL]
    try:
        models.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=models))
        try:
            for number in fatal:
                signal.signal(number, signal.default_int_handler)
            yield staging
            staging.chmod(0o755)  # mkdtemp makes it private; a service running as another user must be able to read it
            staging.rename(target)
        finally:
            for number in fatal:
                signal.signal(number, signal.SIG_IGN)  # a second one must not leave half of the folder
            shutil.rmtree(staging, ignore_errors=True)
            for number in fatal:
                signal.signal(number, signal.SIG_DFL)
    except OSError as error:
        raise BundleError(
            f"{target}: the bundle cannot be written ({error}). Nothing was left behind; free some space, or choose "
            "another folder, and try again"
        ) from error


def write_word_index(folder: Path, vocabulary: Vocabulary) -> None:
    """Write the terms, sorted by column."""
    ordered = sorted(vocabulary.word_index.items(), key=lambda item: item[1])
    write_json(folder / WORD_INDEX, dict(ordered), indent=None)


def write_profile(folder: Path, profile: Profile) -> None:
    """Write the histograms."""
    write_json(folder / PROFILE, profile.model_dump(mode="json"))


def write_network(folder: Path, network: Network) -> None:
    """Write the layers."""
    (folder / NETWORK).write_bytes(network.to_bytes())


def write_golden(folder: Path, golden: list[Golden]) -> None:
    """Write the golden reviews."""
    write_json(folder / GOLDEN, [item.model_dump() for item in golden])


def write_manifest(folder: Path, **facts: Any) -> None:
    """Write the manifest, with these facts and the digests of all other files, and its checksum."""
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    files = {name: sha256_of(path.read_bytes()) for name, path in paths.items() if name not in OWN_NAMES}
    manifest = Manifest(files=files, **facts)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json", exclude_computed_fields=True))
    write_checksum(folder)


def write_checksum(folder: Path) -> None:
    """Write the manifest's SHA-256 next to it; `sha256sum -c manifest.json.sha256` in the folder checks it."""
    (folder / CHECKSUM).write_bytes(checksum_of((folder / MANIFEST).read_bytes()))


def write_json(path: Path, value: Any, indent: int | None = 2) -> None:
    """Write a JSON file in the format of bundles: UTF-8, readable, with a final newline and without NaN."""
    path.write_text(
        json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
    )
