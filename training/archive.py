"""The raw IMDB reviews (Maas et al., ACL 2011): the official archive, or the folder it extracts to.

Either holds one file a review, `aclImdb/{train,test}/{pos,neg}/ID_STARS.txt`. Archives are read as a stream, in any
compression that tarfile knows, and never extracted.
"""

import bz2
import gzip
import lzma
import re
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from app.inference.runtimes import import_tensorflow
from app.inference.text import tokenise
from training.dataset import Dataset, Split, digest_of
from training.errors import SourceError

ORIGIN = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
ORIGIN_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"

REVIEW_FILE = re.compile(r"(?:^|/)(train|test)/(pos|neg|unsup)/([^/]+\.txt)$")
LARGEST_REVIEW = 1 << 20
"""Bytes; the longest real review has 13,704 characters. A larger file is not a review, and is not read into memory."""

DECOMPRESSORS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
"""How a file begins -> how it is read. These verify checksums, which tarfile's own stream mode does not."""


class Review(NamedTuple):
    """One review; sorts by split, class and file name, whatever order the source is in.

    `sentiment` is `pos`, `neg`, or `unsup` for a review without a label.
    """

    split: str
    sentiment: str
    file: str
    text: str


def read_reviews(paths: Sequence[Path], progress: Progress) -> list[Review]:
    """Read every review of some archives and folders.

    Args:
        paths: Archives or folders; together they hold the data set.
        progress: Where to show how far the reading is.

    Returns:
        The reviews, sorted.

    Raises:
        SourceError: A path is missing, no archive, unsafe, without reviews, or holds an empty or unreadable review or
            one that another path holds too.
    """
    reviews: dict[tuple[str, str, str], Review] = {}
    for path in paths:
        before = len(reviews)
        for name, content in _files(path, progress):
            review = _review(path, name, content)
            if reviews.setdefault(review[:3], review) is not review:
                raise SourceError(f"{path}: {name} was read before; is the same archive named twice?")
        if len(reviews) == before:
            raise SourceError(f"{path}: no reviews in it; expected files like aclImdb/train/pos/0_9.txt")
    return sorted(reviews.values())


def load_archives(paths: Sequence[Path], progress: Progress, kept: str = "", keep_unlabelled: bool = True) -> Dataset:
    """Make a data set of raw reviews; see `read_reviews` for the other arguments and errors.

    Args:
        paths: Archives or folders.
        progress: Where to show how far the reading is.
        kept: Punctuation that counts as tokens; see `tokenise`.
        keep_unlabelled: Whether anybody is going to read the unlabelled reviews, which the official archive holds too.
    """
    reviews = read_reviews(paths, progress)
    labelled = [review for review in reviews if review.sentiment != "unsup"]
    unlabelled = [review for review in reviews if review.sentiment == "unsup"] if keep_unlabelled else []
    return Dataset(
        "aclImdb",
        _split(labelled, "train", kept),
        _split(labelled, "test", kept),
        digest_of(part for review in labelled for part in review),
        unlabelled=[tokens_of(review, kept) for review in unlabelled],
        unlabelled_digest=digest_of(part for review in unlabelled for part in review) if unlabelled else "",
    )


def labels_of(reviews: Sequence[Review]) -> NDArray[np.float32]:
    """1.0 for positive reviews, 0.0 for negative ones; float32 (reviews,)."""
    return np.array([review.sentiment == "pos" for review in reviews], np.float32)


def download() -> Path:
    """Fetch the official archive once, into Keras's cache, with progress, and check it.

    Raises:
        SourceError: It cannot be fetched, or what arrived is not the official archive.
    """
    import_tensorflow()  # first, so that its notices are silenced
    import keras

    try:
        return Path(keras.utils.get_file(origin=ORIGIN, file_hash=ORIGIN_MD5, hash_algorithm="md5"))
    except Exception as error:  # get_file raises bare Exception for a failed download
        raise SourceError(
            f"cannot download {ORIGIN} ({error}). Get aclImdb_v1.tar.gz in another way and pass it: "
            "python -m training --dataset aclImdb_v1.tar.gz (an extracted aclImdb folder does as well)"
        ) from error


def _files(path: Path, progress: Progress) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        return _folder_files(path, progress)
    if path.is_file():
        return _archive_files(path, progress)
    raise SourceError(f"{path}: no such archive or folder")


def _folder_files(folder: Path, progress: Progress) -> Iterator[tuple[str, bytes]]:
    paths = sorted(folder.rglob("*.txt"))
    for path in progress.track(paths, description=f"reading {folder.name}"):
        # The name of the folder itself counts, so that aclImdb/train can be passed as well as aclImdb.
        name = str(PurePosixPath(folder.resolve().name, *path.relative_to(folder).parts))
        if REVIEW_FILE.search(name):
            if path.stat().st_size > LARGEST_REVIEW:
                raise SourceError(f"{path}: larger than {LARGEST_REVIEW} bytes, so not a review")
            yield name, path.read_bytes()


def _archive_files(path: Path, progress: Progress) -> Iterator[tuple[str, bytes]]:
    try:
        with (
            progress.open(path, "rb", description=f"reading {path.name}") as file,
            decompressed(file) as stream,
            tarfile.open(fileobj=stream, mode="r:") as archive,
        ):
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise SourceError(f"{path}: unsafe member name {member.name!r}; this is not the IMDB archive")
                if not member.isfile() or not REVIEW_FILE.search(member.name):
                    continue
                if member.size > LARGEST_REVIEW:
                    raise SourceError(f"{path}: {member.name} is larger than {LARGEST_REVIEW} bytes, so not a review")
                content = archive.extractfile(member)
                assert content is not None  # it is a file
                yield member.name, content.read()
            # tarfile takes a damaged header for the end. At the real end there are only zeros, and reading on to it
            # makes the decompressor verify its checksum.
            while rest := stream.read(1 << 20):
                if rest.strip(b"\0"):
                    raise SourceError(f"{path}: a part of the archive is damaged; get it again")
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise SourceError(f"{path}: not a readable tar archive, or damaged ({error})") from error


def decompressed(file: BinaryIO) -> Any:
    """Read through whatever compression a file begins like."""
    start = file.read(6)
    file.seek(0)
    for magic, opener in DECOMPRESSORS.items():
        if start.startswith(magic):
            return opener(file)
    return file


def _review(path: Path, name: str, content: bytes) -> Review:
    match = REVIEW_FILE.search(name)
    assert match is not None  # only such names are read
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: {name} is not UTF-8 text ({error})") from error
    if not text.strip():
        raise SourceError(f"{path}: {name} is empty")
    split, sentiment, file = match.groups()
    return Review(split, sentiment, file, text)


def _split(reviews: Sequence[Review], split: str, kept: str) -> Split:
    chosen = [review for review in reviews if review.split == split]
    return Split(
        [tokens_of(review, kept) for review in chosen],
        labels_of(chosen),
        [f"{review.sentiment}/{review.file.removesuffix('.txt')}" for review in chosen],
    )


def tokens_of(review: Review, kept: str) -> list[str]:
    """Split a review into tokens; see `tokenise`."""
    # One object a distinct word: 100,000 reviews hold 23 million tokens, but only some 170,000 words.
    return [sys.intern(token) for token in tokenise(review.text, kept)]
