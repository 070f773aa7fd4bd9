"""A user's own labelled reviews, from CSV, JSON Lines and Parquet files to a data set.

Rows with the same words in the same order are one review, which is used either for training or for testing. A column
`split`, or a hash of the words, decides which. The hash depends neither on the other reviews nor on a seed, so a test
review remains one when the collection grows, and no later training uses what an earlier bundle was tested on.
"""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from rich.progress import Progress

from app import records
from app.evaluation import labelled
from app.evaluation.labelled import Columns, normalized
from app.model.text import tokenise
from app.model.vocabulary import Encoding
from training.dataset import OWN, Dataset, Review, digest_of, split_of
from training.errors import TrainingError

COLUMNS: Columns = {**labelled.COLUMNS, "split": ("split",), "id": ("id",)}
"""Field -> the names that its column may have, in any case; `split` and `id` are optional."""
SPLITS = {"train": "train", "training": "train", "test": "test"}
SPLITS |= dict.fromkeys(("validation", "valid", "val", "dev"), "train")
"""Name of a split -> the split; training draws its own validation reviews from the training set."""

TEST_SHARE = 0.2
MAX_NAME = 80
"""Characters of a name that are displayed."""


class Entry(NamedTuple):
    """A usable row; entries sort by text."""

    text: str
    sentiment: str  # "pos" or "neg"
    split: str  # "train" or "test"; empty if the row has none
    place: str  # file:line
    name: str  # the row's id, or its place


def is_own(path: Path) -> bool:
    """Whether a path is named like a file of rows, and not like an archive or a folder."""
    return (records.format_of(path) is not None or path.suffix.lower() in labelled.OTHER_SUFFIXES) and not path.is_dir()


def load_collection(
    paths: Sequence[Path],
    encoding: Encoding,
    progress: Progress,
    columns: Columns = COLUMNS,
    skip_bad_rows: bool = False,
) -> Dataset:
    """Make a data set of a user's own reviews, sorted by split, sentiment and text; `columns` is like COLUMNS.

    Raises:
        TrainingError: A file cannot be read, or rows cannot be used.
    """
    rows: list[Entry | str] = []  # str: why a row cannot be used
    files: list[JsonValue] = []
    digests: dict[str, Path] = {}
    for path in paths:
        if not is_own(path):
            raise TrainingError(f"{path}: not named like CSV or JSON Lines; own reviews cannot be mixed with archives")
        if path.name in [other.name for other in digests.values()]:
            raise TrainingError(f"{path}: another file has the same name; the report names reviews by file and line")
        task = progress.add_task(f"reading {path.name}", total=path.stat().st_size if path.exists() else None)
        fields = labelled.read_fields(path, columns, ("split", "id"), partial(progress.advance, task))
        found = [row if isinstance(row, str) else _entry(row) for row in fields]
        digest = labelled.digest_of_file(path)
        if (other := digests.setdefault(digest, path)) is not path:
            raise TrainingError(f"{path}: the same content as {other}; name it once")
        files.append({"name": path.name, "sha256": digest, "rows": len(found)})
        rows += found
    has_splits = any(isinstance(row, Entry) and row.split for row in rows)
    if has_splits:
        blank = "the split is blank, but other rows have one"
        rows = [f"{row.place}: {blank}" if isinstance(row, Entry) and not row.split else row for row in rows]
    usable = [row for row in rows if isinstance(row, Entry)]
    bad = [row for row in rows if isinstance(row, str)]
    if bad and not (skip_bad_rows and usable):
        raise TrainingError(labelled.list_bad_rows(bad, len(rows)))
    reviews, counts, notices = _distinct(usable)
    if bad:
        notices.insert(0, f"left out {len(bad):,} of {len(rows):,} rows, which cannot be used (--skip-bad-rows)")
    train, test = split_of(reviews, "train", encoding), split_of(reviews, "test", encoding)
    own: dict[str, JsonValue] = {
        "files": files,
        "split": "column" if has_splits else f"hash of the words, {TEST_SHARE:.0%} for testing",
        "skipped_rows": len(bad),
        **counts,
        "positive_training_reviews": int(train.labels.sum()),
        "positive_test_reviews": int(test.labels.sum()),
    }
    digest = digest_of(part for review in reviews for part in (review.split, review.sentiment, review.text))
    # A word of a single review says nothing about others, and may be somebody's name.
    return Dataset(OWN, train, test, digest, min_reviews=2, own=own, notices=notices)


def _entry(row: labelled.Fields) -> Entry | str:
    """Interpret a row; the reason against a bad one never contains the review's text."""
    place, values = row
    split, reason = normalized(values.get("split")), labelled.row_error(values)
    if not reason and split and split not in SPLITS:
        reason = f"unknown split {labelled.excerpt(values['split'])}; use train, validation or test"
    if reason:
        return f"{place}: {reason}"
    name = str(values["id"]) if normalized(values.get("id")) else place
    name = " ".join(name.split()).replace("|", "/").replace("`", "'")[:MAX_NAME]  # the card has it in a table, as code
    sentiment = "pos" if labelled.is_positive(values["label"]) else "neg"
    return Entry(str(values["text"]), sentiment, SPLITS.get(split, ""), place, name)


def _distinct(entries: Sequence[Entry]) -> tuple[list[Review], dict[str, JsonValue], list[str]]:
    """Merge entries with the same words into one review, and count what that changed."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(" ".join(tokenise(entry.text)), []).append(entry)
    reviews: list[Review] = []
    contradicting: list[str] = []
    undecided = straddling = 0
    for words, group in groups.items():
        splits = {entry.split or _split_by_hash(words) for entry in group}
        straddling += len(splits) > 1
        same = [entry for entry in group if entry.sentiment == group[0].sentiment]
        others = [entry for entry in group if entry.sentiment != group[0].sentiment]
        if others:
            contradicting.append(f"{same[0].place} and {others[0].place}")
        if len(same) == len(others):
            undecided += 1
            continue
        chosen = min(same if len(same) > len(others) else others)  # depends only on the texts
        reviews.append(Review("test" if "test" in splits else "train", chosen.sentiment, chosen.name, chosen.text))
    counts: dict[str, JsonValue] = {
        "duplicate_rows": len(entries) - len(groups),
        "contradicting_texts": len(contradicting),
        "undecided_texts": undecided,
    }
    notices = (
        (len(entries) - len(groups), "rows repeat the words of another one; each text counts once"),
        (
            len(contradicting),
            f"texts have rows of both labels, such as {'; '.join(contradicting[:3])}: the more frequent label counts, "
            f"and {undecided:,} texts without one were left out",
        ),
        (straddling, "texts are in both the training and the test split; they are only tested on"),
    )
    reviews.sort(key=lambda review: (review.split, review.sentiment, review.text))
    return reviews, counts, [f"{count:,} {what}" for count, what in notices if count]


def _split_by_hash(words: str) -> str:
    drawn = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") / 2**64  # uniform in [0, 1)
    return "test" if drawn < TEST_SHARE else "train"
