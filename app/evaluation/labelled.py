"""Labelled texts in CSV, JSON Lines and Parquet files; evaluation, calibration and training read them alike."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import records
from ..model.errors import SentimentError
from ..model.text import tokenise

Columns = Mapping[str, Sequence[str]]
COLUMNS: Columns = {"text": ("text", "review"), "label": ("label", "sentiment")}
"""Field -> the names that its column may have, in any case."""
LABELS = dict.fromkeys(("1", "1.0", "positive", "pos", "true"), True)
LABELS |= dict.fromkeys(("0", "0.0", "negative", "neg", "false"), False)
"""Label, in any case -> whether the text is positive."""

OTHER_SUFFIXES = (".json", ".xlsx", ".xls", ".ods")
"""Other formats of labelled texts; the error says how to convert them."""
MAX_SHOWN, MAX_BAD_ROWS = 24, 10
"""Limits of what is displayed: characters of an unknown label, and rows."""


class Fields(NamedTuple):
    """The fields of a row, and where it is: file:line."""

    place: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class LabelledTexts:
    """The usable rows of a file, in order."""

    path: Path
    sha256: str  # of the file's content
    texts: Sequence[str]
    labels: NDArray[np.float32]  # (texts,), 1.0 positive, 0.0 negative
    places: Sequence[str]  # where each text is, file:line
    skipped: int  # number of rows that cannot be used

    def check_classes(self, texts: int, of_each: int, why: str) -> None:
        """Check that there are enough texts, and enough of both classes.

        Raises:
            SentimentError: There are not.
        """
        positive = int(self.labels.sum())
        negative = len(self.texts) - positive
        if len(self.texts) < texts or min(positive, negative) < of_each:
            raise SentimentError(
                f"{self.path}: {positive} positive and {negative} negative texts, but {why} needs at least {texts} "
                f"texts and {of_each} of each class: label more"
            )


def read_labelled(path: Path, text: str | None, label: str | None, skip_bad_rows: bool) -> LabelledTexts:
    """Read a file of labelled texts from the named columns, or from those with the usual names.

    Raises:
        SentimentError: The file cannot be read, or a row cannot be used.
    """
    named = {"text": text, "label": label}
    columns = {**COLUMNS, **{field: (name,) for field, name in named.items() if name is not None}}
    usable: list[Fields] = []
    bad: list[str] = []
    for row in read_fields(path, columns):
        if isinstance(row, str):
            bad.append(row)
        elif error := row_error(row.values):
            bad.append(f"{row.place}: {error}")
        else:
            usable.append(row)
    if bad and not skip_bad_rows:
        raise SentimentError(list_bad_rows(bad, len(bad) + len(usable)))
    texts = [str(row.values["text"]) for row in usable]
    labels = np.array([is_positive(row.values["label"]) for row in usable], np.float32)
    return LabelledTexts(path, digest_of_file(path), texts, labels, [row.place for row in usable], len(bad))


def read_fields(
    path: Path,
    columns: Columns,
    optional: Sequence[str] = (),
    advance: Callable[[int], object] = lambda _: None,
) -> Iterator[Fields | str]:
    """Read the rows of a file.

    Args:
        path: The file; its name decides its format.
        columns: Like COLUMNS.
        optional: Fields whose column may be missing.
        advance: Called with the number of bytes that were read since the last call.

    Yields:
        For each row its fields, or why it cannot be parsed.

    Raises:
        SentimentError: The file cannot be read, has no rows or lacks a column, or the format needs pyarrow.
    """
    if records.format_of(path) is None:
        advice = f": jq -c '.[]' {path.name} > {path.stem}.jsonl" if path.suffix == ".json" else ""
        formats, compressions = ", ".join(records.FORMATS), ", ".join(records.COMPRESSIONS)
        raise SentimentError(
            f"{path}: labelled texts are read from {formats}, also with {compressions}; convert it{advice}"
        )
    layout = records.read_layout(path)
    names = {}  # field -> column
    for field in columns:
        try:
            names[field] = records.find_column(path, layout, columns[field], f"--{field}-column")
        except records.ColumnMissing:
            if field not in optional:
                raise
    empty = True
    for chunk in records.read_chunks(path):
        advance(chunk.size)
        for row in chunk.rows(list(names.values())):
            empty = False
            place = f"{path.name}:{row.line}"
            if isinstance(row, records.BadLine):
                yield f"{place}: {row.reason}"
            else:
                yield Fields(place, {field: row.values.get(name) for field, name in names.items()})
    if empty:
        raise SentimentError(f"{path}: there are no rows below the header")


def row_error(values: Mapping[str, object]) -> str:
    """Why a row cannot be used; empty if it can. The reason never contains the text."""
    text, label = values["text"], normalized(values["label"])
    if not normalized(text):
        return "the text is blank"
    if not isinstance(text, str):
        return "the text is not a string"
    if not tokenise(text):
        return "the text has no words"
    if not label:
        return "the label is blank"
    if label not in LABELS:
        return f"unknown label {excerpt(values['label'])}"
    return ""


def is_positive(label: object) -> bool:
    """What a label of a usable row means."""
    return LABELS[normalized(label)]


def normalized(value: object) -> str:
    """A value without case and surrounding white space."""
    return "" if value is None else str(value).strip().casefold()


def excerpt(value: object) -> str:
    """The start of a value; an unknown label may be a whole text by mistake."""
    text = repr(value.strip() if isinstance(value, str) else value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 2]}…{text[-1]}"


def list_bad_rows(bad: Sequence[str], rows: int) -> str:
    """The message about rows that cannot be used, of all the rows."""
    lines = [f"{len(bad):,} of {rows:,} rows cannot be used:", *(f"  {row}" for row in bad[:MAX_BAD_ROWS])]
    if len(bad) > MAX_BAD_ROWS:
        lines.append(f"  … and {len(bad) - MAX_BAD_ROWS:,} more")
    lines.append("A label is 1, positive, pos or true, or 0, negative, neg or false, in any case.")
    lines.append("Correct the rows, or leave them out with --skip-bad-rows.")
    return "\n".join(lines)


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
