"""A user's own labelled reviews, from CSV, JSON Lines and Parquet files to a data set.

Rows with the same words in the same order are one review, which is used either for training or for testing. A column
`split`, or a hash of the words, decides which. The hash depends neither on the other reviews nor on a seed, so a test
review remains one when the collection grows, and no later training uses what an earlier bundle was tested on.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue
from rich.progress import Progress

from app.inference.text import tokenise
from app.inference.vocabulary import Encoding
from app.records import (
    COMPRESSIONS,
    FORMATS,
    BadLine,
    ColumnMissing,
    FileUnreadable,
    find_column,
    format_of,
    read_chunks,
    read_layout,
)
from training.dataset import OWN, Dataset, Review, digest_of, split_of
from training.errors import SourceError

COLUMNS: Mapping[str, Sequence[str]] = {
    "text": ("text", "review"),
    "label": ("label", "sentiment"),
    "split": ("split",),
    "id": ("id",),
}
"""Field -> the names that its column may have, in any case; `split` and `id` are optional."""
LABELS = dict.fromkeys(("1", "1.0", "positive", "pos", "true"), "pos")
LABELS |= dict.fromkeys(("0", "0.0", "negative", "neg", "false"), "neg")
"""Label, in any case -> sentiment."""
SPLITS = {"train": "train", "training": "train", "test": "test"}
SPLITS |= dict.fromkeys(("validation", "valid", "val", "dev"), "train")
"""Name of a split -> the split; training draws its own validation reviews from the training set."""

OTHER_SUFFIXES = (".json", ".xlsx", ".xls", ".ods")
"""Other formats of reviews; the error says how to convert them."""
TEST_SHARE = 0.2
MAX_NAME, MAX_SHOWN, MAX_BAD_ROWS = 80, 24, 10
"""Limits of what is displayed: characters of a name and of an unknown label, and rows."""


class Entry(NamedTuple):
    """A usable row. Entries sort by text.

    Attributes:
        text: The review.
        sentiment: `pos` or `neg`.
        split: `train` or `test`; empty if the files have no splits.
        place: `file:line`.
        name: The row's id, or its place.
    """

    text: str
    sentiment: str
    split: str
    place: str
    name: str


class BadRow(NamedTuple):
    """A row that cannot be used; `place` is `file:line`."""

    place: str
    reason: str


def is_own(path: Path) -> bool:
    """Whether a path is named like a file of rows, and not like an archive or a folder."""
    return (format_of(path) is not None or path.suffix.lower() in OTHER_SUFFIXES) and not path.is_dir()


def load_collection(
    paths: Sequence[Path],
    encoding: Encoding,
    progress: Progress,
    columns: Mapping[str, Sequence[str]] = COLUMNS,
    skip_bad_rows: bool = False,
) -> Dataset:
    """Make a data set of a user's own reviews, sorted by split, sentiment and text.

    Args:
        paths: The files.
        encoding: How to tokenise.
        progress: Shows how much has been read.
        columns: Field -> names of its column.
        skip_bad_rows: Whether to leave out rows that cannot be used.

    Raises:
        SourceError: A file cannot be read, or rows cannot be used.
    """
    rows: list[dict[str, object] | BadRow] = []
    files: list[JsonValue] = []
    digests: dict[str, Path] = {}
    for path in paths:
        if not is_own(path):
            raise SourceError(f"{path}: not named like CSV or JSON Lines; own reviews cannot be mixed with archives")
        if path.name in [other.name for other in digests.values()]:
            raise SourceError(f"{path}: another file has the same name; the report names reviews by file and line")
        found = list(_read_rows(path, columns, progress))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if (other := digests.setdefault(digest, path)) is not path:
            raise SourceError(f"{path}: the same content as {other}; name it once")
        files.append({"name": path.name, "sha256": digest, "rows": len(found)})
        rows += found
    has_splits = any(not isinstance(row, BadRow) and not _is_blank(row["split"]) for row in rows)
    entries = [row if isinstance(row, BadRow) else _entry(row, has_splits) for row in rows]
    usable = [entry for entry in entries if isinstance(entry, Entry)]
    bad = [entry for entry in entries if isinstance(entry, BadRow)]
    if bad and not (skip_bad_rows and usable):
        raise SourceError(_listed(bad, len(rows)))
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


def _read_rows(
    path: Path, columns: Mapping[str, Sequence[str]], progress: Progress
) -> Iterator[dict[str, object] | BadRow]:
    """Read a file's rows in order: field -> value, None if there is none, and the `place`."""
    if format_of(path) is None:
        advice = f": jq -c '.[]' {path.name} > {path.stem}.jsonl" if path.suffix == ".json" else ""
        raise SourceError(
            f"{path}: training reads {', '.join(FORMATS)}, also with {', '.join(COMPRESSIONS)}; convert it{advice}"
        )
    empty = True
    try:
        task = progress.add_task(f"reading {path.name}", total=path.stat().st_size)
        layout = read_layout(path)
        names = {}
        for field in COLUMNS:
            try:
                names[field] = find_column(layout, columns[field], f"--{field}-column")
            except ColumnMissing as error:
                if field in ("text", "label"):
                    raise SourceError(f"{path}: {error}") from error
        for chunk in read_chunks(path, layout, advance=lambda read: progress.advance(task, read)):
            for row in chunk.rows(list(names.values())):
                empty = False
                place = f"{path.name}:{row.line}"
                if isinstance(row, BadLine):
                    yield BadRow(place, row.reason)
                else:
                    values = {field: row.values.get(names[field]) if field in names else None for field in COLUMNS}
                    yield values | {"place": place}
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except FileUnreadable as error:
        raise SourceError(str(error)) from error
    if empty:
        raise SourceError(f"{path}: there are no rows below the header")


def _entry(row: Mapping[str, object], has_splits: bool) -> Entry | BadRow:
    """Interpret a row; the reason of a bad one never contains the review's text."""
    text, label, split, place = row["text"], row["label"], row["split"], str(row["place"])
    reason = ""
    if _is_blank(text):
        reason = "the text is blank"
    elif not isinstance(text, str):
        reason = "the text is not a string"
    elif not tokenise(text):
        reason = "the text has no words"
    elif _is_blank(label):
        reason = "the label is blank"
    elif _plain(label) not in LABELS:
        reason = f"unknown label {_shown(label)}"
    elif has_splits and _is_blank(split):
        reason = "the split is blank, but other rows have one"
    elif has_splits and _plain(split) not in SPLITS:
        reason = f"unknown split {_shown(split)}; use train, validation or test"
    if reason:
        return BadRow(place, reason)
    name = place if _is_blank(row["id"]) else str(row["id"])
    name = " ".join(name.split()).replace("|", "/").replace("`", "'")[:MAX_NAME]  # the card has it in a table, as code
    return Entry(str(text), LABELS[_plain(label)], SPLITS[_plain(split)] if has_splits else "", place, name)


def _plain(value: object) -> str:
    return str(value).strip().casefold()


def _shown(value: object) -> str:
    text = repr(value.strip() if isinstance(value, str) else value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 2]}…{text[-1]}"


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _listed(bad: Sequence[BadRow], rows: int) -> str:
    lines = [f"{len(bad):,} of {rows:,} rows cannot be used:"]
    lines += [f"  {place}: {reason}" for place, reason in bad[:MAX_BAD_ROWS]]
    if len(bad) > MAX_BAD_ROWS:
        lines.append(f"  … and {len(bad) - MAX_BAD_ROWS:,} more")
    if any("label" in reason for _, reason in bad):
        lines.append("A label is 1, positive, pos or true, or 0, negative, neg or false, in any case.")
    lines.append("Correct them, or leave them out with --skip-bad-rows. Nothing was written.")
    return "\n".join(lines)


def _distinct(rows: Sequence[Entry]) -> tuple[list[Review], dict[str, JsonValue], list[str]]:
    """Merge rows with the same words into one review, and count what that changed."""
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
        chosen = min(row for row in group if row.sentiment == sentiment)  # depends only on the texts
        split = ("test" if "test" in splits else "train") if splits != {""} else _split_by_hash(words)
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
        notices.append(f"{straddling:,} texts are in both the training and the test split; they are only tested on")
    counts: dict[str, JsonValue] = {
        "duplicate_rows": duplicates,
        "contradicting_texts": len(contradicting),
        "undecided_texts": undecided,
    }
    return sorted(reviews, key=lambda review: (review.split, review.sentiment, review.text)), counts, notices


def _split_by_hash(words: str) -> str:
    drawn = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") / 2**64  # uniform in [0, 1)
    return "test" if drawn < TEST_SHARE else "train"
