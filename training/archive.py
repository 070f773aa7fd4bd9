"""The raw IMDB reviews (Maas et al., ACL 2011): the official archive, or the folder it extracts to.

Both have one file per review, `aclImdb/{train,test}/{pos,neg}/ID_STARS.txt`. Archives are never extracted.
"""

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from rich.progress import Progress

from app.model.runtimes import import_tensorflow
from app.model.vocabulary import Encoding
from training.dataset import Dataset, Review, digest_of, split_of
from training.errors import TrainingError

ORIGIN = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
ORIGIN_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"

REVIEW_FILE = re.compile(r"(?:^|/)(train|test)/(pos|neg|unsup)/([^/]+\.txt)$")
MAX_BYTES = 1 << 20
"""The longest real review has 13,704 characters. A larger file is not a review, and is not read into memory."""


def read_reviews(paths: Sequence[Path], progress: Progress) -> list[Review]:
    """Read every review of some archives and folders, which together are the data set; returns them sorted.

    Raises:
        TrainingError: A path is missing, not an archive, unsafe or without reviews, or has an empty or unreadable
            review or one that another path has, too.
    """
    reviews: dict[tuple[str, str, str], Review] = {}
    for path in paths:
        if not path.exists():
            raise TrainingError(f"{path}: no such archive or folder")
        before = len(reviews)
        for name, content in (_folder_files if path.is_dir() else _archive_files)(path, progress):
            if len(content) > MAX_BYTES:
                raise TrainingError(f"{path}: {name} is larger than {MAX_BYTES} bytes, so not a review")
            try:
                text = content.decode()
            except UnicodeDecodeError as error:
                raise TrainingError(f"{path}: {name} is not UTF-8 text ({error})") from error
            if not text.strip():
                raise TrainingError(f"{path}: {name} is empty")
            split, sentiment, file = REVIEW_FILE.findall(name)[0]
            review = Review(split, sentiment, file, text)
            if reviews.setdefault(review[:3], review) is not review:
                raise TrainingError(f"{path}: {name} was read before; is the same archive named twice?")
        if len(reviews) == before:
            raise TrainingError(f"{path}: no reviews in it; expected files like aclImdb/train/pos/0_9.txt")
    return sorted(reviews.values())


def load_archives(
    paths: Sequence[Path], progress: Progress, encoding: Encoding | None = None, keep_unlabelled: bool = False
) -> Dataset:
    """Make a data set of raw reviews, in the book's encoding by default; see `read_reviews` for the errors."""
    encoding = encoding or Encoding()
    reviews = read_reviews(paths, progress)
    named = [review._replace(name=f"{review.sentiment}/{review.name.removesuffix('.txt')}") for review in reviews]
    unlabelled = [review for review in reviews if review.sentiment == "unsup" and keep_unlabelled]
    return Dataset(
        "aclImdb",
        split_of(named, "train", encoding),
        split_of(named, "test", encoding),
        digest_of(part for review in reviews if review.sentiment != "unsup" for part in review),
        unlabelled=[review.text for review in unlabelled],
        unlabelled_digest=digest_of(part for review in unlabelled for part in review) if unlabelled else "",
    )


def download() -> Path:
    """Download the official archive once, into Keras's cache, and verify it.

    Raises:
        TrainingError: It cannot be downloaded, or is not the official archive.
    """
    import_tensorflow()  # first, because it silences TensorFlow
    import keras

    try:
        return Path(keras.utils.get_file(origin=ORIGIN, file_hash=ORIGIN_MD5, hash_algorithm="md5"))
    except Exception as error:  # get_file raises bare Exception for a failed download
        raise TrainingError(
            f"cannot download {ORIGIN} ({error}). Get aclImdb_v1.tar.gz in another way and pass it: "
            "python -m training --dataset aclImdb_v1.tar.gz (or an extracted aclImdb folder)"
        ) from error


def _folder_files(folder: Path, progress: Progress) -> Iterator[tuple[str, bytes]]:
    for path in progress.track(sorted(folder.rglob("*.txt")), description=f"reading {folder.name}"):
        # The name of the folder itself counts, so that aclImdb/train can be passed as well as aclImdb.
        name = str(PurePosixPath(folder.resolve().name, *path.relative_to(folder).parts))
        if REVIEW_FILE.search(name):
            with path.open("rb") as file:
                yield name, file.read(MAX_BYTES + 1)


def _archive_files(path: Path, progress: Progress) -> Iterator[tuple[str, bytes]]:
    try:
        with (
            progress.open(path, "rb", description=f"reading {path.name}") as file,
            tarfile.open(fileobj=file, mode="r:*") as archive,
        ):
            for member in archive:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts:
                    raise TrainingError(f"{path}: unsafe member name {member.name!r}; this is not the IMDB archive")
                if REVIEW_FILE.search(member.name) and member.isfile():
                    content = archive.extractfile(member)
                    assert content is not None  # it is a file
                    yield member.name, content.read(MAX_BYTES + 1)
            # tarfile takes a damaged header for the end of the archive. After the real end there are only zeros;
            # reading them makes the decompressor verify its checksum.
            assert archive.fileobj is not None
            while rest := archive.fileobj.read(1 << 20):
                if rest.strip(b"\0"):
                    raise TrainingError(f"{path}: a part of the archive is damaged; get it again")
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise TrainingError(f"{path}: not a readable tar archive, or damaged ({error})") from error
