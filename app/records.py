"""Rows of CSV, JSON Lines and Parquet files, in order and with bounded memory; bulk scoring and training share this.

Text files are UTF-8 and may be compressed. CSV has a header and is separated by commas, semicolons or tabs. A line
that cannot be parsed is a `BadLine`, and never swallows the lines after it. CSV and JSON Lines need no pyarrow, and do
not go through it: Arrow turns `00700` into 700, and rejects a whole file for one bad line.
"""

import bz2
import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from app.inference.errors import SentimentError

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
"""May follow the suffix of a text file."""
SEPARATORS = ",;\t"

MAX_LINE = 8 << 20
"""Bytes; the rest of a longer line is dropped. Also limits how many lines an unclosed quote can put at risk."""
CHUNK_ROWS = 512
CHUNK_BYTES = 1 << 20
"""Of text; a longer row gets a chunk of its own."""
PEEK = 100
"""Rows of a JSON Lines file that are read to learn its fields."""


class FileUnreadable(SentimentError):
    """A file is missing, damaged, or not what its name says."""


class ColumnMissing(SentimentError):
    """A file does not have the column, or several columns match."""


class PackageMissing(SentimentError):
    """A file format needs a package that is not installed."""


class RawRow(NamedTuple):
    """A row of a text file as bytes: one line, or several if a quoted field contains line ends."""

    line: int
    content: bytes


class ParsedRow(NamedTuple):
    """A parsed row.

    Attributes:
        line: Number of its first line, from 1; in Parquet, of the row.
        text: As it is in a text file; empty for Parquet.
        values: Column -> value.
    """

    line: int
    text: str
    values: Mapping[str, Any]


class BadLine(NamedTuple):
    """A line that cannot be parsed; `text` has escapes for bytes that are not UTF-8."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class Layout:
    """The format and the columns of a file.

    Attributes:
        format: Its format.
        columns: All columns, in order; of JSON Lines, the fields of the first rows.
        header: The first line of a CSV file.
        separator: What separates its fields.
    """

    format: Format
    columns: tuple[str, ...]
    header: str = ""
    separator: str = ","


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a file.

    Attributes:
        layout: Layout of the file.
        part: Index of the part of the file that they belong to; see `read_chunks`.
        records: The rows of a text file, or a `pyarrow.RecordBatch`.
        line: Number of the first row of a Parquet file, from 1.
    """

    layout: Layout
    part: int
    records: Any
    line: int = 1

    def rows(self, columns: Sequence[str]) -> Iterator[ParsedRow | BadLine]:
        """Parse the rows.

        Args:
            columns: The columns that are needed. Rows of Parquet have only these, rows of text have all.
        """
        match self.layout.format:
            case "csv":
                csv.field_size_limit(MAX_LINE)
                for record in self.records:
                    yield from _csv_rows(record, self.layout)
            case "jsonl":
                yield from map(_json_row, self.records)
            case "parquet":
                rows = self.records.select(list(columns)).to_pylist()
                yield from (ParsedRow(line, "", row) for line, row in enumerate(rows, self.line))


def format_of(path: Path) -> Format | None:
    """The format that a file's name stands for; None if it is unknown."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def find_column(layout: Layout, names: Sequence[str], option: str) -> str:
    """Find the column that has one of these names; case does not matter.

    Raises:
        ColumnMissing: There is none, or more than one.
    """
    wanted = [name.casefold() for name in names]
    found = [column for column in layout.columns if column.strip().casefold() in wanted]
    if len(found) == 1:
        return found[0]
    there = ", ".join(repr(column[:20]) for column in (found or layout.columns)[:8]) or "no columns"
    named = f"named {' or '.join(names)}"
    fault = f"there are several columns {named}: {there}" if found else f"there is no column {named}, only {there}"
    raise ColumnMissing(f"{fault}; choose one with {option}")


def read_layout(path: Path) -> Layout:
    """Read the columns of a file.

    Raises:
        FileUnreadable: It cannot be read, or has no rows.
        PackageMissing: It needs pyarrow.
    """
    with _reading(path):
        if format_of(path) == "parquet":
            return Layout("parquet", tuple(import_pyarrow().parquet.read_schema(path).names))
        with path.open("rb") as raw:
            return _text_layout(path, _records(path, raw))


def read_chunks(
    path: Path,
    layout: Layout,
    part_rows: int = sys.maxsize,
    advance: Callable[[int], object] = lambda _: None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[Chunk]:
    """Read a file.

    Args:
        path: The file.
        layout: What `read_layout` returned for it.
        part_rows: Rows per part; no chunk belongs to two parts.
        advance: Called with the number of bytes of the file that were read since the last call.
        chunk_bytes: A chunk of text takes no more rows once it has this many bytes.

    Raises:
        FileUnreadable: It is damaged. What comes before the damage has been yielded.
        PackageMissing: It needs pyarrow.
    """
    with _reading(path), path.open("rb") as raw:
        if layout.format == "parquet":
            yield from _parquet_chunks(raw, layout, part_rows, advance)
            return
        records = _records(path, raw)
        if layout.format == "csv":
            next(records)  # the header
        position = part = 0
        room = part_rows
        while chunk := _take(records, min(room, CHUNK_ROWS), chunk_bytes):
            yield Chunk(layout, part, chunk)
            room -= len(chunk)
            if not room:
                part, room = part + 1, part_rows
            before = position
            position = path.stat().st_size if raw.closed else raw.tell()  # pyarrow closes the file at its end
            advance(position - before)


def _take(records: Iterator[RawRow], rows: int, chunk_bytes: int) -> list[RawRow]:
    taken: list[RawRow] = []
    size = 0
    while len(taken) < rows and size < chunk_bytes and (record := next(records, None)):
        taken.append(record)
        size += len(record.content)
    return taken


def _parquet_chunks(raw: Any, layout: Layout, part_rows: int, advance: Callable[[int], object]) -> Iterator[Chunk]:
    file = import_pyarrow().parquet.ParquetFile(raw, buffer_size=CHUNK_BYTES, pre_buffer=False)
    bytes_per_row = Path(raw.name).stat().st_size / max(file.metadata.num_rows, 1)
    row = 0
    for batch in file.iter_batches(CHUNK_ROWS):
        end = row + batch.num_rows
        while row < end:
            piece = batch.slice(row - end + batch.num_rows, part_rows - row % part_rows)
            yield Chunk(layout, row // part_rows, piece, row + 1)
            row += piece.num_rows
            advance(round(piece.num_rows * bytes_per_row))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what readers raise about a damaged file into one kind of error."""
    try:
        yield
    except SentimentError:
        raise
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:  # pyarrow's errors are among them
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise FileUnreadable(f"{path}: cannot be read, or is damaged ({reason or type(error).__name__})") from error


def _text_layout(path: Path, records: Iterator[RawRow]) -> Layout:
    first = next(records, None)
    if first is None:
        raise FileUnreadable(f"{path}: the file is empty")
    if format_of(path) == "jsonl":
        rows = map(_json_row, [first, *islice(records, PEEK - 1)])
        columns = dict.fromkeys(name for row in rows if isinstance(row, ParsedRow) for name in row.values)
        return Layout("jsonl", tuple(columns))
    header = first.content.decode()
    separator = max(SEPARATORS, key=header.count)
    return Layout("csv", tuple(_fields(header, separator)), header, separator)


def _records(path: Path, raw: Any) -> Iterator[RawRow]:
    """Split a file into records, without blank lines."""
    lines: Iterator[tuple[int, bytes]] = enumerate(_lines(_decompressed(path, raw)), 1)
    first = next(lines, None)
    if first is None:
        return
    number, line = first
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in line[:1000]:
        raise FileUnreadable(f"{path}: this is UTF-16 or not text; save it as UTF-8")
    lines = chain([(number, line.removeprefix(b"\xef\xbb\xbf"))], lines)
    if format_of(path) == "csv":
        yield from _csv_records(lines)
    else:
        yield from (RawRow(number, line) for number, line in lines if not line.isspace())


def _decompressed(path: Path, raw: Any) -> Any:
    match path.suffix.lower():
        case ".gz":
            return gzip.open(raw)
        case ".bz2":
            return bz2.open(raw)
        case ".xz":
            return lzma.open(raw)
        case ".zst":
            return io.BufferedReader(import_pyarrow().input_stream(raw, compression="zstd"))
    return raw


def _lines(stream: Any) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)


def _csv_records(lines: Iterable[tuple[int, bytes]]) -> Iterator[RawRow]:
    """Join lines until their quotes are balanced; `_csv_rows` takes apart what an unclosed quote has joined."""
    pending: list[bytes] = []
    first = quotes = size = 0
    for number, line in lines:
        if not pending:
            if line.isspace():
                continue
            first, quotes, size = number, 0, 0
        pending.append(line)
        quotes += line.count(b'"')
        size += len(line)
        if quotes % 2 == 0 or size > MAX_LINE:
            yield RawRow(first, b"".join(pending))
            pending = []
    if pending:
        yield RawRow(first, b"".join(pending))


def _csv_rows(record: RawRow, layout: Layout) -> Iterator[ParsedRow | BadLine]:
    try:
        text = record.content.decode()
        fields = _fields(text, layout.separator)
        if len(fields) == len(layout.columns):
            yield ParsedRow(record.line, text, dict(zip(layout.columns, fields, strict=True)))
            return
        reason = f"{len(fields)} fields, but the header has {len(layout.columns)}"
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except csv.Error as error:
        reason = f"not valid CSV: {error}"
    # Perhaps an unclosed quote: only the first line is bad for certain.
    first, *others = io.BytesIO(record.content)
    yield BadLine(record.line, reason, _shown(first))
    for other in _csv_records(enumerate(others, record.line + 1)):
        yield from _csv_rows(other, layout)


def _fields(text: str, separator: str) -> list[str]:
    return next(csv.reader([text], delimiter=separator, strict=True))


def _json_row(record: RawRow) -> ParsedRow | BadLine:
    try:
        text = record.content.decode()
        values = from_json(text, allow_inf_nan=False)
    except UnicodeDecodeError:
        return BadLine(record.line, "not UTF-8", _shown(record.content))
    except ValueError as error:
        return BadLine(record.line, f"not valid JSON: {error}", _shown(record.content))
    if not isinstance(values, dict):
        return BadLine(record.line, "not a JSON object", text.rstrip("\r\n"))
    return ParsedRow(record.line, text, values)


def _shown(content: bytes) -> str:
    return content.decode(errors="backslashreplace").rstrip("\r\n")


def import_pyarrow() -> Any:
    """Import pyarrow with its Parquet module.

    Raises:
        PackageMissing: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing(
            "Parquet and .zst files need pyarrow; in a clone, install it with "
            "`.venv/bin/python -m pip install -r requirements/bulk.txt`"
        ) from error
    return pyarrow
