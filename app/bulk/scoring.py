"""Score one chunk of rows, in a worker process, and format its output."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

from ..bundles.opening import open_classifier
from ..bundles.reading import load_bundle
from ..model.classifier import Classifier
from ..model.errors import ReviewTooLong, SentimentError
from ..model.limits import BLANK, check_length, is_blank
from ..model.prediction import FIELDS
from ..records import BadLine, Chunk, Layout, ParsedRow, import_pyarrow

ARROW_TYPES = {float: "float64", bool: "bool", int: "int32"}
"""The types of columns in Parquet files; all others are strings."""


@dataclass(frozen=True)
class Scoring:
    """What a worker needs to know."""

    bundle: Path  # its folder
    model: str  # the digest that the bundle must have
    runtime: str
    keep: list[str] | None  # input columns to keep; None for all
    prefix: str  # precedes the names of the added columns
    max_characters: int  # per review
    explain: int  # maximum number of terms in the column `reasons`; without it if 0

    @property
    def fields(self) -> tuple[str, ...]:
        """What is added of a prediction."""
        return (*FIELDS, "reasons") if self.explain else tuple(FIELDS)

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the added columns: what POST /predict returns, or why the row cannot be scored."""
        return tuple(self.prefix + name for name in (*self.fields, "error"))

    def kept(self, layout: Layout) -> Sequence[str]:
        """The input columns in the output."""
        return layout.columns if self.keep is None else self.keep


class Scored(NamedTuple):
    """A scored chunk."""

    content: Any  # its rows in the output's format: bytes, or a `pyarrow.RecordBatch`
    rows: int  # in `content`
    errors: int  # how many of them could not be scored
    bad_lines: list[BadLine]  # lines that could not be parsed, and are not in `content`


def score_or_error(scoring: Scoring, text: str, chunk: Chunk) -> Scored | SentimentError:
    """Score a chunk whose column `text` has the reviews.

    Returns:
        The scored chunk, or why the bundle or a row cannot be used: an error that other processes can unpickle, which
        those with constructors of their own may not be.
    """
    try:
        return _score(scoring, text, chunk)
    except SentimentError as error:
        return SentimentError(str(error))


def _score(scoring: Scoring, text: str, chunk: Chunk) -> Scored:
    classifier = _open_once(scoring.bundle, scoring.model, scoring.runtime)
    rows: list[ParsedRow] = []
    bad_lines: list[BadLine] = []
    for row in chunk.rows([text]):
        rows.append(row) if isinstance(row, ParsedRow) else bad_lines.append(row)
    reviews = [row.values.get(text) for row in rows]
    errors = [_review_error(review, scoring.max_characters) for review in reviews]
    good: list[Any] = [review for review, error in zip(reviews, errors, strict=True) if not error]
    predictions = map(attrgetter(*scoring.fields), classifier.predict(good, scoring.explain))
    nothing = [None] * len(scoring.fields)
    answers = [(*nothing, error) if error else (*next(predictions), None) for error in errors]
    match chunk.layout.format:
        case "csv":
            content: Any = _csv(scoring, chunk.layout.separator, rows, answers)
        case "jsonl":
            content = _json_lines(scoring, rows, answers)
        case "parquet":
            content = _table(scoring, chunk.records, answers)
    return Scored(content, len(rows), sum(map(bool, errors)), bad_lines)


@cache
def _open_once(bundle: Path, model: str, runtime: str) -> Classifier:
    """Load a classifier, once per process; the digest rejects a bundle that was replaced since the job began."""
    return open_classifier(load_bundle(bundle, model), runtime)


def _review_error(review: object, max_characters: int) -> str | None:
    """Why POST /predict would reject a review, in its words; None if it would not."""
    if not isinstance(review, str):
        return "Input should be a valid string"
    if is_blank(review):
        return BLANK
    try:
        check_length(review, max_characters, "this one")
    except ReviewTooLong as error:
        return str(error)
    return None


def _csv(scoring: Scoring, separator: str, rows: Sequence[ParsedRow], answers: Sequence[Sequence[Any]]) -> bytes:
    """Append the answers to each row; rows stay as they are unless columns are left out."""
    lines = []
    for row, answer in zip(rows, answers, strict=True):
        text = row.text.rstrip("\r\n")
        if scoring.keep is not None:
            text = csv_line([row.values[name] for name in scoring.keep], separator)
        if text:
            text += separator
        lines.append(f"{text}{separator.join(map(_cell, answer))}\n")
    return "".join(lines).encode()


def _cell(value: Any) -> str:
    """Format an added value. Reasons and errors may contain the separator; they also contain spaces."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return '"{}"'.format(text.replace('"', '""')) if " " in text else text


def csv_line(fields: Sequence[str], separator: str) -> str:
    """Format a row of CSV, without a line end."""
    line = io.StringIO()
    csv.writer(line, delimiter=separator).writerow(fields)  # quotes fields that contain a part of its line end
    return line.getvalue().removesuffix("\r\n")


def _json_lines(scoring: Scoring, rows: Sequence[ParsedRow], answers: Sequence[Sequence[Any]]) -> bytes:
    """Append the answers to each object, whose own text stays as it is unless fields are left out."""
    names = scoring.added
    lines = []
    for row, answer in zip(rows, answers, strict=True):
        if scoring.keep is not None:
            text = to_json({name: row.values.get(name) for name in scoring.keep})
        elif clash := [name for name in names if name in row.values]:
            raise SentimentError(f"line {row.line} has a field {clash[0]!r} already; choose other names with --prefix")
        else:
            text = row.text.strip().encode()
        before = text[:-1].rstrip()
        comma = b"" if before == b"{" else b","
        lines.append(before + comma + to_json(dict(zip(names, answer, strict=True)))[1:] + b"\n")
    return b"".join(lines)


def table_schema(scoring: Scoring, schema: Any) -> Any:
    """The `pyarrow.Schema` of the output for that of an input."""
    pa = import_pyarrow()
    kept = schema if scoring.keep is None else [schema.field(name) for name in scoring.keep]
    types = [ARROW_TYPES.get(FIELDS.get(name, str), "string") for name in (*scoring.fields, "error")]
    return pa.schema([*kept, *map(pa.field, scoring.added, types)], schema.metadata)


def _table(scoring: Scoring, batch: Any, answers: Sequence[Sequence[Any]]) -> Any:
    pa = import_pyarrow()
    kept = batch if scoring.keep is None else batch.select(scoring.keep)
    columns = [*kept.columns, *zip(*answers, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=table_schema(scoring, batch.schema))
