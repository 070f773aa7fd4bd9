"""What a row of a person's own files says: a text, its class and its split, or why it cannot be used."""

from typing import NamedTuple

from app.inference.text import tokenise
from training.records import BadRow, LabelledRow

LABELS = dict.fromkeys(("1", "1.0", "positive", "pos", "true"), "pos")
LABELS |= dict.fromkeys(("0", "0.0", "negative", "neg", "false"), "neg")
"""How a label may be written, in any case -> its class."""
SPLITS = {"train": "train", "training": "train", "test": "test"}
SPLITS |= dict.fromkeys(("validation", "valid", "val", "dev"), "train")
"""How a split may be written -> which it is; training draws its own validation reviews from those for training."""

LONGEST_NAME = 80
LONGEST_SHOWN = 24


class Entry(NamedTuple):
    """A usable row; sorts by its text.

    Attributes:
        text: The review.
        sentiment: `pos` or `neg`.
        split: `train` or `test`, or empty when the files say nothing of splits.
        place: `file:line`.
        name: The row's id, or its place.
    """

    text: str
    sentiment: str
    split: str
    place: str
    name: str


def has_split(row: LabelledRow | BadRow) -> bool:
    """Whether a row says which split it belongs to."""
    return isinstance(row, LabelledRow) and not _is_blank(row.split)


def entry_of(record: LabelledRow | BadRow, has_splits: bool) -> Entry | BadRow:
    """Read one row, or say why it cannot be used; never with any of the review's text.

    Args:
        record: The row.
        has_splits: Whether any row of the collection has a split; then each needs one.
    """
    if isinstance(record, BadRow):
        return record
    text, label, split = record.text, record.label, record.split
    reason = ""
    if _is_blank(text):
        reason = "the text is blank"
    elif not isinstance(text, str):
        reason = "the text is not a string"
    elif not tokenise(text):
        reason = "the text holds no word"
    elif _is_blank(label):
        reason = "the label is blank"
    elif (sentiment := LABELS.get(_plain(label))) is None:
        reason = f"unknown label {_shown(label)}"
    elif has_splits and _is_blank(split):
        reason = "the split is blank, and other rows have one"
    elif has_splits and _plain(split) not in SPLITS:
        reason = f"unknown split {_shown(split)}; it may be train, validation or test"
    if reason:
        return BadRow(record.place, reason)
    name = record.place if _is_blank(record.id) else str(record.id)
    # Names stand in the report and the card, in a table and between backquotes.
    name = " ".join(name.split()).replace("|", "/").replace("`", "'")[:LONGEST_NAME]
    return Entry(str(text), str(sentiment), SPLITS[_plain(split)] if has_splits else "", record.place, name)


def _plain(value: object) -> str:
    return str(value).strip().casefold()


def _shown(value: object) -> str:
    text = repr(value if not isinstance(value, str) else value.strip())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 2]}…{text[-1]}"


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
