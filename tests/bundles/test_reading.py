"""Finding and loading bundles; test_bundle_faults damages them."""

import subprocess
from pathlib import Path

import pytest

from app.bundles.manifest import CHECKSUM
from app.bundles.reading import bundle_versions, find_bundle, find_bundles, load_bundle
from app.model.errors import BundleError
from tests.models import MODELS, VERSIONS


def test_load_bundle_renamed_to_another_version_is_refused(copy: Path) -> None:
    with pytest.raises(BundleError, match="belongs to version 1"):
        load_bundle(copy.rename(copy.parent / "2"))


def test_load_bundle_through_linked_folders_works(copy: Path, tmp_path: Path) -> None:
    """Releases are often switched by a link; only the files of a bundle have to be inside its folder."""
    (tmp_path / "current").symlink_to(copy.parent)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/1").symlink_to(copy)
    for models in ("current", "other"):
        assert load_bundle(find_bundle(tmp_path / models)).manifest.version == "1"


def test_seal_is_readable_by_sha256sum(copy: Path) -> None:
    for folder in (copy, *(MODELS / version for version in VERSIONS)):
        subprocess.run(["sha256sum", "--check", "--strict", CHECKSUM], cwd=folder, capture_output=True, check=True)


def test_find_bundle_without_version_takes_the_largest_number(tmp_path: Path) -> None:
    for name in ("2", "10", "1", "03", "x", ".4-tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "99").touch()
    assert bundle_versions(tmp_path) == [1, 2, 10]
    assert find_bundle(tmp_path).name == "10"
    assert find_bundle(tmp_path, "2").name == "2"
    for version in ("3", "../1", "", "01", "2,3", "2,", "ALL"):
        with pytest.raises(BundleError, match="available: 10, 2, 1"):
            find_bundle(tmp_path, version)


def test_find_bundles_starts_with_the_default(tmp_path: Path) -> None:
    for name in ("2", "10", "1"):
        (tmp_path / name).mkdir()
    for versions, found in (("all", ["10", "2", "1"]), ("1, 10", ["1", "10"]), ("2,2", ["2"]), (None, ["10"])):
        assert [folder.name for folder in find_bundles(tmp_path, versions)] == found
