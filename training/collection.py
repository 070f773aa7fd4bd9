"""A person's own labelled reviews, from CSV and JSON Lines files to a data set.

Rows that hold the same words in the same order are one review: it is learnt from or judged by once, and never both.
Which reviews become test reviews is up to the files, or to a hash of their words. The hash does not depend on the
other reviews, nor on a seed: a test review stays one when the collection grows and whatever is tried, so that bundles
of different days can be compared, and no later training has learnt from what an earlier one was judged by.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from rich.progress import Progress

from app.inference.text import tokenise
from app.inference.vocabulary import Encoding
from training.archive import Review, labels_of, tokens_of
from training.dataset import OWN, Dataset, Split, digest_of, shared_words
from training.entries import Entry, entry_of, has_split
from training.errors import BadRows, SourceError
from training.records import BadRow, Columns, LabelledRow, holds_rows, read_records

TEST_SHARE = 0.2
FEWEST = 10
"""Training reviews of each class; fewer cannot be shared out, and some hundreds are what it takes to learn anything."""


class Collection(NamedTuple):
    """What the files hold.

    Attributes:
        reviews: Sorted by split, class and text; `file` is the row's id, or file:line.
        facts: For the manifest: the files, the split, what was left out.
        notices: What a person should know before trusting the result; may be empty.
    """

    reviews: list[Review]
    facts: dict[str, JsonValue]
    notices: list[str]


@dataclass(frozen=True)
class Source:
    """Which files, and how they are read.

    Attributes:
        paths: CSV or JSON Lines files; together they are the collection.
        columns: What to look for in them.
        skip_bad_rows: Whether rows that cannot be used are left out, instead of ending the training.
    """

    paths: Sequence[Path]
    columns: Columns = field(default_factory=Columns)
    skip_bad_rows: bool = False


def load_collection(source: Source, encoding: Encoding, progress: Progress) -> tuple[Dataset, list[str]]:
    """Make a data set of a person's own reviews.

    Args:
        source: The files.
        encoding: Says which punctuation counts as tokens.
        progress: Where to show how far the reading is.

    Returns:
        The data set and notices for the person. A word gets a column when at least two training reviews hold it.

    Raises:
        BadRows: Some rows cannot be used, and none may be skipped.
        SourceError: A file cannot be read, or there are too few reviews of a class.
    """
    reviews, facts, notices = read_collection(source, progress)
    train, test = (_split(reviews, split, encoding) for split in ("train", "test"))
    _check_sizes(reviews)
    facts |= {
        "positive_training_reviews": int(train.labels.sum()),
        "positive_test_reviews": int(test.labels.sum()),
    }
    digest = digest_of(part for review in reviews for part in (review.split, review.sentiment, review.text))
    return Dataset(OWN, train, test, digest, shared_words(train, encoding), own=facts), notices


def read_collection(source: Source, progress: Progress) -> Collection:
    """Read every row, put equal ones together and share them out; see `load_collection`."""
    rows: list[LabelledRow | BadRow] = []
    files: list[JsonValue] = []
    digests: dict[str, Path] = {}
    for path in source.paths:
        if not holds_rows(path.name):
            raise SourceError(f"{path}: not named like CSV or JSON Lines; own reviews cannot be mixed with archives")
        if path.name in [other.name for other in digests.values()]:
            raise SourceError(f"{path}: another file has the same name; reviews are told apart by file and line")
        here = list(read_records(path, source.columns, progress))
        digest = _sha256(path)
        if (other := digests.setdefault(digest, path)) is not path:
            raise SourceError(f"{path}: holds the same as {other}; name it once")
        files.append({"name": path.name, "sha256": digest, "rows": len(here)})
        rows += here
    has_splits = any(has_split(row) for row in rows)
    entries = [entry_of(row, has_splits) for row in rows]
    usable = [entry for entry in entries if isinstance(entry, Entry)]
    bad = [entry for entry in entries if isinstance(entry, BadRow)]
    if bad and not source.skip_bad_rows:
        raise BadRows(bad, len(rows))
    if not usable:
        raise SourceError(f"none of the {len(rows):,} rows can be used; the first: {bad[0].place}: {bad[0].reason}")
    reviews, counts, notices = _distinct(usable)
    if bad:
        notices.insert(0, f"left out {len(bad):,} of {len(rows):,} rows that cannot be used, as --skip-bad-rows says")
    facts: dict[str, JsonValue] = {
        "files": files,
        "split": "column" if has_splits else f"hash of the words, {TEST_SHARE:.0%} for testing",
        "skipped_rows": len(bad),
        **counts,
    }
    return Collection(reviews, facts, notices)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _distinct(rows: Sequence[Entry]) -> tuple[list[Review], dict[str, JsonValue], list[str]]:
    """Make one review of rows with the same words, and count what that changed."""
    groups: dict[str, list[Entry]] = {}
    for row in rows:
        groups.setdefault(" ".join(tokenise(row.text)), []).append(row)
    reviews: list[Review] = []
    contradicting: list[str] = []
    undecided = straddling = 0
    for words, group in groups.items():
        splits = {row.split for row in group}
        straddling += len(splits) > 1
        positive = sum(row.sentiment == "pos" for row in group)
        if 0 < positive < len(group):
            opposite = next(row for row in group if row.sentiment != group[0].sentiment)
            contradicting.append(f"{group[0].place} and {opposite.place}")
            if 2 * positive == len(group):
                undecided += 1
                continue
        sentiment = "pos" if 2 * positive > len(group) else "neg"
        # Which copy stays depends on the texts alone; that of training and testing, testing keeps.
        chosen = min(row for row in group if row.sentiment == sentiment)
        split = ("test" if "test" in splits else "train") if splits != {""} else _split_of(words)
        reviews.append(Review(split, sentiment, chosen.name, chosen.text))
    duplicates = len(rows) - len(groups)
    notices = []
    if duplicates:
        notices.append(f"{duplicates:,} rows repeat the words of another one; each text counts once")
    if contradicting:
        notices.append(
            f"{len(contradicting):,} texts have rows of both labels, such as {'; '.join(contradicting[:3])}: the more "
            f"frequent label counts, and {undecided:,} texts without one were left out"
        )
    if straddling:
        notices.append(f"{straddling:,} texts stand in the training and the test split; they are test reviews alone")
    counts: dict[str, JsonValue] = {
        "duplicate_rows": duplicates,
        "contradicting_texts": len(contradicting),
        "undecided_texts": undecided,
    }
    return sorted(reviews, key=lambda review: (review.split, review.sentiment, review.text)), counts, notices


def _split_of(words: str) -> str:
    """Draw a split by hash: the same words always give the same one."""
    drawn = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") / 2**64
    return "test" if drawn < TEST_SHARE else "train"


def _split(reviews: Sequence[Review], split: str, encoding: Encoding) -> Split:
    chosen = [review for review in reviews if review.split == split]
    return Split(
        [tokens_of(review, encoding.kept_punctuation) for review in chosen],
        labels_of(chosen),
        [review.file for review in chosen],
    )


def _check_sizes(reviews: Sequence[Review]) -> None:
    counts: Mapping[tuple[str, str], int] = Counter((review.split, review.sentiment) for review in reviews)
    for sentiment, word, other in (("pos", "positive", "negative"), ("neg", "negative", "positive")):
        if counts["train", sentiment] + counts["test", sentiment] == 0:
            raise SourceError(f"all {len(reviews):,} reviews are {other}; both classes are needed, so add {word} ones")
    for sentiment, word in (("pos", "positive"), ("neg", "negative")):
        if (found := counts["train", sentiment]) < FEWEST:
            raise SourceError(
                f"only {found} {word} training review{'s' * (found != 1)}; {FEWEST} of each class are the least that "
                "training can be tried with, some hundreds the least to learn from: add more"
            )
        if not counts["test", sentiment]:
            raise SourceError(
                f"no {word} test review among {len(reviews):,}; add reviews, or say in a column `split` which ones are "
                "for training and which for testing (train, test)"
            )
