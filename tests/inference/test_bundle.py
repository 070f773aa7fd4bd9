"""Bundles load as they were written, and half-made ones never appear; test_bundle_faults damages them."""

import json
import shutil
from pathlib import Path

import pytest

from app.inference.bundle import (
    MANIFEST,
    Bundle,
    bundle_versions,
    find_bundle,
    load_bundle,
    staged_bundle,
    write_checksum,
    write_json,
    write_manifest,
)
from app.inference.classifier import open_classifier
from app.inference.errors import BundleDamaged, BundleExists, BundleNotFound


@pytest.fixture
def copy(models: Path, tmp_path: Path) -> Path:
    """A bundle of its own, to damage."""
    return Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))


def resealed(folder: Path, manifest: bytes | None = None) -> None:
    """Make a bundle's digests right again, so that only what they cannot see is wrong.

    Args:
        folder: The bundle, changed.
        manifest: A manifest to put there as it is; the old one with the new digests when None.
    """
    if manifest is None:
        facts = json.loads((folder / MANIFEST).read_text())
        del facts["files"]
        write_manifest(folder, **facts)
    else:
        (folder / MANIFEST).write_bytes(manifest)
        write_checksum(folder)


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_load_bundle_reads_what_training_wrote(bundle: Bundle) -> None:
    assert bundle.manifest.name == "tiny"
    assert bundle.manifest.version == "1"
    assert bundle.manifest.vocabulary_size == len(bundle.vocabulary)
    assert bundle.vocabulary.word_index["the"] >= 4
    assert {"saved_model.pb", "word_index.json", "golden.json", "report/loss.png", "report/history.json"} <= set(
        bundle.manifest.files
    )
    assert len(bundle.digest) == 64


def test_load_bundle_renamed_to_another_version_is_refused(copy: Path) -> None:
    with pytest.raises(BundleDamaged, match="belongs to version 1"):
        load_bundle(copy.rename(copy.parent / "2"))


def test_open_classifier_with_another_golden_probability_is_refused(copy: Path) -> None:
    golden = json.loads((copy / "golden.json").read_text())
    golden[3]["positive_probability"] += 0.001
    write_json(copy / "golden.json", golden)
    resealed(copy)
    with pytest.raises(BundleDamaged, match="should score"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_swapped_word_index_is_refused(copy: Path) -> None:
    word_index = json.loads((copy / "word_index.json").read_text())
    columns = list(word_index.values())
    write_json(copy / "word_index.json", dict(zip(word_index, columns[1:] + columns[:1], strict=True)))
    resealed(copy)
    with pytest.raises(BundleDamaged, match="should score"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_open_classifier_with_another_width_is_refused(copy: Path) -> None:
    facts = json.loads((copy / MANIFEST).read_text())
    facts["encoding"]["columns"] = 9_999
    resealed(copy, json.dumps(facts).encode())
    with pytest.raises(BundleDamaged, match="reads 10000 columns"):
        open_classifier(load_bundle(copy), "tensorflow")


def test_find_bundle_without_version_takes_the_largest_number(tmp_path: Path) -> None:
    for name in ("2", "10", "1", "03", "x", ".4-tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "99").touch()
    assert bundle_versions(tmp_path) == [1, 2, 10]
    assert find_bundle(tmp_path).name == "10"
    assert find_bundle(tmp_path, "2").name == "2"


@pytest.mark.parametrize("version", ["3", "../1", "", "01"])
def test_find_bundle_with_absent_version_lists_those_there(tmp_path: Path, version: str) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(BundleNotFound, match="there are 1"):
        find_bundle(tmp_path, version)


def test_find_bundle_in_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound, match="SENTIMENT_MODEL_DIR"):
        find_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_staged_bundle_interrupted_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), staged_bundle(tmp_path, "1") as folder:
        (folder / "half").touch()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_staged_bundle_is_readable_by_others(tmp_path: Path) -> None:
    with staged_bundle(tmp_path, "1"):
        pass
    assert (tmp_path / "1").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_staged_bundle_over_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    with pytest.raises(BundleExists), staged_bundle(tmp_path, "1"):
        pass
