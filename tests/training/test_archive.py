"""Reading the raw reviews, whole and malformed."""

from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from tests.corpus import files, write_archive, write_folder
from training.archive import load_archives
from training.dataset import Dataset
from training.errors import TrainingError

MEMBERS = files(5)


def load(*paths: Path, unlabelled: bool = False) -> Dataset:
    return load_archives(paths, Progress(disable=True), keep_unlabelled=unlabelled).check()


def only(part: str) -> dict[str, bytes]:
    return {name: content for name, content in reversed(MEMBERS.items()) if part in name}


@pytest.mark.parametrize("suffix", ["tar", "gz", "bz2", "xz"])
def test_archives_of_any_compression_folders_and_parts_are_the_same(tmp_path: Path, suffix: str) -> None:
    others = {"aclImdb/README": b"x", "aclImdb/train/unsup/0_0.txt": b"seen", "aclImdb/train/pos/notes.csv": b"x"}
    path = write_archive(tmp_path / f"aclImdb.{suffix}", MEMBERS | others)
    folder = write_folder(tmp_path, MEMBERS)
    dataset = load(path)
    assert dataset.train.labels.tolist() == [0.0] * 5 + [1.0] * 5
    assert dataset.train.labels.dtype == np.float32
    for same in (load(folder), load(write_archive(tmp_path / f"b.{suffix}", only("/train/")), folder / "test")):
        assert same.digest == dataset.digest
        assert same.train.sequences == dataset.train.sequences
    whole = load(path, unlabelled=True)
    assert (dataset.unlabelled, whole.unlabelled, whole.digest) == ([], ["seen"], dataset.digest)
    assert whole.unlabelled_digest


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"aclImdb/README": b"x"}, "no reviews in it"),
        (only("/pos/"), "0 negative training reviews"),
        (only("/train/"), "0 positive test reviews"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b" \n"}, "7_7.txt is empty"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b"\xff\xfe"}, "not UTF-8"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b"x" * (1 << 21)}, "larger than"),
        (MEMBERS | {"a/../../etc/passwd": b"x"}, "unsafe member name"),
    ],
)
def test_malformed_source_says_why(tmp_path: Path, members: dict[str, bytes], message: str) -> None:
    paths = [write_archive(tmp_path / "a.tar.gz", members)]
    if "unsafe" not in message:
        paths.append(write_folder(tmp_path, members))
    for path in paths:
        with pytest.raises(TrainingError, match=message):
            load(path)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_damaged_archive_is_named(tmp_path: Path, suffix: str) -> None:
    path = write_archive(tmp_path / f"a.{suffix}", files(200))
    content = path.read_bytes()
    middle = len(content) // 2
    for damaged in (content[:middle], content[:middle] + bytes(64) + content[middle + 64 :], b"no archive" * 100):
        path.write_bytes(damaged)
        with pytest.raises(TrainingError, match=str(path)):
            load(path)


def test_damaged_header_is_not_the_end(tmp_path: Path) -> None:
    """tarfile alone takes it for the end and silently loses the reviews after it."""
    path = write_archive(tmp_path / "a.tar", MEMBERS)
    content = path.read_bytes()
    header = content.index(list(MEMBERS)[-2].encode())
    path.write_bytes(content[:header] + b"\xff" * 512 + content[header + 512 :])
    with pytest.raises(TrainingError, match="damaged"):
        load(path)


def test_missing_path_and_repeated_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no such archive or folder"):
        load(tmp_path / "nowhere")
    path = write_archive(tmp_path / "a.tar.gz", MEMBERS)
    with pytest.raises(TrainingError, match="named twice"):
        load(path, path)
