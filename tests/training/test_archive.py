"""Reading the raw reviews, whole and malformed."""

import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from tests.corpus import files, write_archive, write_folder
from training.archive import load_archives
from training.errors import SourceError

PROGRESS = Progress(disable=True)
MEMBERS = files(5)


@pytest.mark.parametrize("suffix", ["tar", "gz", "bz2", "xz"])
def test_load_archives_of_any_compression_reads_the_same(tmp_path: Path, suffix: str) -> None:
    path = write_archive(tmp_path / f"aclImdb.{suffix}", MEMBERS)
    dataset = load_archives([path], PROGRESS)
    folder = load_archives([write_folder(tmp_path, MEMBERS)], PROGRESS)
    assert dataset.digest == folder.digest
    assert dataset.train.sequences == folder.train.sequences
    assert len(dataset.train) == len(dataset.test) == 10
    assert dataset.train.labels.tolist() == folder.train.labels.tolist() == [0.0] * 5 + [1.0] * 5
    assert dataset.train.labels.dtype == np.float32


def test_load_archives_in_another_order_and_in_parts_reads_the_same(tmp_path: Path) -> None:
    whole = load_archives([write_archive(tmp_path / "a.tar.gz", MEMBERS)], PROGRESS)
    backwards = dict(reversed(MEMBERS.items()))
    train = {name: content for name, content in backwards.items() if "/train/" in name}
    test = {name: content for name, content in backwards.items() if "/test/" in name}
    parts = [write_archive(tmp_path / "b.tar.xz", train), write_folder(tmp_path, test) / "test"]
    assert load_archives(parts, PROGRESS).digest == whole.digest


def test_load_archives_passes_other_files_by(tmp_path: Path) -> None:
    others = {"aclImdb/README": b"x", "aclImdb/train/unsup/0_0.txt": b"x", "aclImdb/train/pos/notes.csv": b"x"}
    path = write_archive(tmp_path / "a.tar.gz", MEMBERS | others)
    assert len(load_archives([path], PROGRESS).train) == 10


def only(part: str) -> dict[str, bytes]:
    return {name: content for name, content in MEMBERS.items() if part in name}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "no reviews in it"),
        ({"aclImdb/README": b"x"}, "no reviews in it"),
        (only("/pos/"), "only positive training reviews"),
        (only("/train/"), "no test reviews"),
        (only("/test/"), "no training reviews"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b""}, "7_7.txt is empty"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b" \n"}, "7_7.txt is empty"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b"\xff\xfe"}, "not UTF-8"),
        (MEMBERS | {"aclImdb/train/pos/7_7.txt": b"x" * (1 << 21)}, "larger than"),
    ],
)
@pytest.mark.parametrize("write", [write_folder, lambda path, members: write_archive(path / "a.tar.gz", members)])
def test_load_archives_of_malformed_source_says_why(
    tmp_path: Path, members: dict[str, bytes], message: str, write: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    (tmp_path / "aclImdb").mkdir()
    with pytest.raises(SourceError, match=message):
        load_archives([write(tmp_path, members)], PROGRESS)


@pytest.mark.parametrize("name", ["/aclImdb/train/pos/1_9.txt", "../aclImdb/train/pos/1_9.txt", "a/../../etc/passwd"])
def test_load_archives_with_unsafe_member_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="unsafe member name"):
        load_archives([write_archive(tmp_path / "a.tar.gz", MEMBERS | {name: b"x"})], PROGRESS)


def test_load_archives_never_follows_links(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    write_archive(path, MEMBERS)
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("aclImdb/train/pos/7_7.txt")
        member.type = tarfile.SYMTYPE
        member.linkname = "/etc/passwd"
        archive.addfile(member)
    assert len(load_archives([path], PROGRESS).train) == 10


def test_load_archives_of_no_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"no archive at all" * 100)
    with pytest.raises(SourceError, match="not a readable tar archive"):
        load_archives([path], PROGRESS)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_load_archives_cut_short_says_so(tmp_path: Path, suffix: str) -> None:
    path = write_archive(tmp_path / f"a.{suffix}", files(200))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(SourceError, match=str(path)):
        load_archives([path], PROGRESS)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_load_archives_with_damaged_compression_says_so(tmp_path: Path, suffix: str) -> None:
    path = write_archive(tmp_path / f"a.{suffix}", files(200))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=str(path)):
        load_archives([path], PROGRESS)


def test_load_archives_with_a_damaged_header_says_so(tmp_path: Path) -> None:
    """tarfile alone takes it for the end, and the reviews behind it would be lost without a word."""
    path = write_archive(tmp_path / "a.tar", MEMBERS)
    content = bytearray(path.read_bytes())
    last = list(MEMBERS)[-2].encode()
    header = content.index(last)
    content[header : header + 512] = b"\xff" * 512
    path.write_bytes(content)
    with pytest.raises(SourceError, match="damaged"):
        load_archives([path], PROGRESS)


def test_load_archives_of_missing_path_says_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such archive or folder"):
        load_archives([tmp_path / "nowhere"], PROGRESS)


def test_load_archives_named_twice_says_so(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.tar.gz", MEMBERS)
    with pytest.raises(SourceError, match="named twice"):
        load_archives([path, path], PROGRESS)
