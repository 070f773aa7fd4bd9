"""Rows of CSV, JSON Lines and Parquet files; bulk scoring, evaluation and training share this.

Rows come in the order of the file and in bounded memory, and their text stays as it is. A line that cannot be parsed is
a `BadLine` and does not affect the lines after it, even if it opens a quote without closing it (for Arrow's reader, the
rest of the file is then one field). Damage ends a file with an error, after the rows before it.
"""

import bz2
import csv
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from .model.errors import PackageMissing, SentimentError
from .model.packages import how_to_install

Format = Literal["csv", "jsonl", "parquet"]
FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
SEPARATORS = ",;\t"

MAX_LINE = 8 << 20
"""Bytes; the rest of a longer line is dropped. Also limits how far the end of a quoted field is looked for."""
CHUNK_ROWS = 512
CHUNK_BYTES = 1 << 20
"""Of text; a longer row gets a chunk of its own."""
PEEK = 100
"""Rows of a JSON Lines file that are read to learn its fields."""
DAMAGE: tuple[type[Exception], ...] = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, NotImplementedError)
"""What readers raise about a damaged file; pyarrow's errors are among them."""
try:
    zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    DAMAGE += (zstd.ZstdError,)
except ImportError:
    zstd = None
COMPRESSIONS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": zstd and zstd.open}
"""May follow the suffix of a text file -> what reads it."""
NOT_UTF8 = "not UTF-8"


class FileUnreadable(SentimentError):
    """A file is missing, damaged, or not what its name says."""


class ColumnMissing(SentimentError):
    """A file does not have the column, or several columns match."""


class RawRow(NamedTuple):
    """A row of a text file as bytes: one line, or several if a quoted field contains line ends."""

    line: int
    content: bytes


class ParsedRow(NamedTuple):
    """A parsed row."""

    line: int  # number of its first line, from 1; in Parquet, of the row
    text: str  # as it is in a text file; empty for Parquet
    values: Mapping[str, Any]  # column -> value


class BadLine(NamedTuple):
    """A line that cannot be parsed; `text` has escapes for bytes that are not UTF-8."""

    line: int
    reason: str
    text: str


Record = RawRow | ParsedRow | BadLine


@dataclass(frozen=True)
class Layout:
    """The format and the columns of a file."""

    format: Format
    columns: tuple[str, ...]  # all, in order; of JSON Lines, the fields of the first rows
    header: str = ""  # the first line of a CSV file
    separator: str = ","  # between its fields
    schema: Any = None  # the `pyarrow.Schema` of a Parquet file


class _Text(NamedTuple):
    """A text file."""

    raw: Any
    layout: Layout
    records: Iterator[Record]  # without the header and blank lines
    damage: list[Exception]  # what ended them


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a file."""

    layout: Layout  # of the file
    part: int  # index of the part of the file that they belong to; see `read_chunks`
    records: Any  # `Record`s, parsed only where their end was looked for; of Parquet, a `pyarrow.RecordBatch`
    size: int = 0  # bytes of the file that were read for it
    line: int = 1  # number of its first row in a Parquet file, from 1

    def rows(self, columns: Sequence[str]) -> Iterator[ParsedRow | BadLine]:
        """Parse the rows.

        Args:
            columns: The columns that are needed. Rows of Parquet have only these, rows of text have all. Bytes of
                Parquet are decoded; what is not UTF-8 or cannot be represented in Python is None.
        """
        if self.layout.format == "parquet":
            rows = zip(*(map(_value, self.records.column(name)) for name in columns), strict=True)
            for line, row in enumerate(rows, self.line):
                yield ParsedRow(line, "", dict(zip(columns, row, strict=True)))
        else:
            for record in self.records:
                yield _parse(record, self.layout) if isinstance(record, RawRow) else record


def format_of(path: Path) -> Format | None:
    """The format that a file's name stands for; None if it is unknown."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return FORMATS.get(suffixes[-1]) if suffixes else None


def find_column(path: Path, layout: Layout, names: Sequence[str], option: str) -> str:
    """Find the column of a file that has one of these names; case does not matter.

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
    raise ColumnMissing(f"{path}: {fault}; choose one with {option}")


def read_layout(path: Path) -> Layout:
    """Read the columns of a file.

    Raises:
        FileUnreadable: It cannot be read, or has no rows.
        PackageMissing: It needs pyarrow.
    """
    with _reading(path), path.open("rb") as raw:
        return _open_parquet(raw)[1] if format_of(path) == "parquet" else _open_text(path, raw).layout


def read_chunks(path: Path, part_rows: int = sys.maxsize, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Read a file.

    Args:
        path: The file.
        part_rows: Rows per part; no chunk belongs to two parts.
        chunk_bytes: A chunk of text takes no more rows once it has this many bytes.

    Raises:
        FileUnreadable: It is damaged. What comes before the damage has been yielded.
        PackageMissing: It needs pyarrow.
    """
    with _reading(path), path.open("rb") as raw:
        if format_of(path) == "parquet":
            yield from _parquet_chunks(raw, part_rows)
        else:
            yield from _text_chunks(_open_text(path, raw), part_rows, chunk_bytes)


def read_stdin(format_: Format) -> tuple[Layout, Callable[[int, int], Iterator[Chunk]]]:
    """Read text from standard input, which can be read only once and not from its end, so never as Parquet.

    Returns:
        Its layout, and a function that yields its chunks; see `read_chunks` for the arguments and errors.

    Raises:
        FileUnreadable: It cannot be read, or has no rows.
    """
    path = Path("standard input")
    with _reading(path):
        text = _open_text(path, io.BufferedReader(io.FileIO(0, closefd=False)), format_)

    def chunks(part_rows: int, chunk_bytes: int) -> Iterator[Chunk]:
        with _reading(path):
            yield from _text_chunks(text, part_rows, chunk_bytes)

    return text.layout, chunks


def _text_chunks(text: _Text, part_rows: int, chunk_bytes: int) -> Iterator[Chunk]:
    part, room, position = 0, part_rows, 0
    while records := _take(text.records, min(room, CHUNK_ROWS), chunk_bytes):
        before, position = position, text.raw.tell() if text.raw.seekable() else 0
        yield Chunk(text.layout, part, records, position - before)
        room -= len(records)
        if not room:
            part, room = part + 1, part_rows
    if text.damage:
        raise text.damage[0]


def _take(records: Iterator[Record], rows: int, chunk_bytes: int) -> list[Record]:
    taken: list[Record] = []
    size = 0
    while len(taken) < rows and size < chunk_bytes and (record := next(records, None)):
        taken.append(record)
        size += len(record.content if isinstance(record, RawRow) else record.text)
    return taken


def _open_parquet(raw: Any) -> tuple[Any, Layout]:
    file = import_pyarrow().parquet.ParquetFile(raw, buffer_size=CHUNK_BYTES, pre_buffer=False)
    return file, Layout("parquet", tuple(file.schema_arrow.names), schema=file.schema_arrow)


def _parquet_chunks(raw: Any, part_rows: int) -> Iterator[Chunk]:
    file, layout = _open_parquet(raw)
    bytes_per_row = Path(raw.name).stat().st_size / max(file.metadata.num_rows, 1)
    row = 0
    for batch in file.iter_batches(CHUNK_ROWS):
        end = row + batch.num_rows
        while row < end:
            piece = batch.slice(row - end + batch.num_rows, part_rows - row % part_rows)
            yield Chunk(layout, row // part_rows, piece, round(piece.num_rows * bytes_per_row), row + 1)
            row += piece.num_rows


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what readers raise about a damaged file into one kind of error."""
    try:
        yield
    except SentimentError:
        raise
    except DAMAGE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise FileUnreadable(f"{path}: cannot be read, or is damaged ({reason or type(error).__name__})") from error


def _open_text(path: Path, raw: Any, format_: Format | None = None) -> _Text:
    lines = _lines(path, raw)
    damage: list[Exception] = []
    if (format_ or format_of(path)) == "jsonl":
        layout = Layout("jsonl", ())
        records = _until_damage((RawRow(number, line) for number, line in lines if not line.isspace()), damage)
        if not (first := _take(records, PEEK, CHUNK_BYTES)):
            raise damage[0] if damage else FileUnreadable(f"{path}: the file is empty")
        rows = Chunk(layout, 0, first).rows([])
        columns = dict.fromkeys(name for row in rows if isinstance(row, ParsedRow) for name in row.values)
        return _Text(raw, replace(layout, columns=tuple(columns)), chain(first, records), damage)
    if not (row := next(_joined(lines), None)):
        raise FileUnreadable(f"{path}: the file is empty")
    header = row.content.decode()
    if "\r" in header.rstrip("\r\n") and "\n" not in header.rstrip("\r\n"):
        raise FileUnreadable(f"{path}: lines end in a carriage return alone; convert it with tr '\\r' '\\n'")
    separator = max(SEPARATORS, key="".join(header.split('"')[::2]).count)  # outside quotes
    try:
        layout = Layout("csv", tuple(_fields(header, separator)), header, separator)
    except csv.Error as error:
        raise FileUnreadable(f"{path}: the header is not valid CSV ({error})") from error
    return _Text(raw, layout, _until_damage(_csv_records(lines, layout), damage), damage)


def _until_damage(records: Iterator[Record], damage: list[Exception]) -> Iterator[Record]:
    try:
        yield from records
    except DAMAGE as error:
        damage.append(error)


def _lines(path: Path, raw: Any) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number, from 1; what a line has beyond MAX_LINE is dropped."""
    suffix = path.suffix.lower()
    if suffix == ".zst" and zstd is None:
        raise PackageMissing(f".zst files need backports.zstd; {how_to_install('bulk')}")
    stream = COMPRESSIONS[suffix](raw) if suffix in COMPRESSIONS else raw
    for number in count(1):
        line = rest = stream.readline(MAX_LINE)
        while len(rest) == MAX_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in line[:1000]:
                raise FileUnreadable(f"{path}: this is UTF-16 or not text; save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return
        yield number, line


def _csv_records(lines: Iterator[tuple[int, bytes]], layout: Layout) -> Iterator[Record]:
    """Split lines into records. If a quote is never closed, only its line is bad, and the others are read again."""
    records = _joined(lines)
    while record := next(records, None):
        if b"\n" not in record.content[:-1]:
            yield record
        elif _is_row(row := _parse(record, layout), layout):
            yield row
        else:
            others = io.BytesIO(record.content)
            yield RawRow(record.line, others.readline())
            # Each other line has balanced quotes, perhaps except the last: by the next unclosed one, all are read.
            records = _joined(chain(enumerate(others, record.line + 1), lines))


def _is_row(row: ParsedRow | BadLine, layout: Layout) -> bool:
    """Whether a record has the fields of a row, even if they are not UTF-8."""
    if isinstance(row, BadLine) and row.reason == NOT_UTF8:
        row = _parse(RawRow(row.line, row.text.encode()), layout)
    return isinstance(row, ParsedRow)


def _joined(lines: Iterator[tuple[int, bytes]]) -> Iterator[RawRow]:
    """Join lines until their quotes are balanced; without blank lines."""
    pending = bytearray()
    first = quotes = 0
    for number, line in lines:
        if not pending:
            if line.isspace():
                continue
            first, quotes = number, 0
        pending += line
        quotes += line.count(b'"')
        if quotes % 2 == 0 or len(pending) >= MAX_LINE:
            yield RawRow(first, bytes(pending))
            pending.clear()
    if pending:
        yield RawRow(first, bytes(pending))


def _parse(record: RawRow, layout: Layout) -> ParsedRow | BadLine:
    try:
        text = record.content.decode()
        if layout.format == "csv":
            fields = _fields(text, layout.separator)
            if len(fields) == len(layout.columns):
                return ParsedRow(record.line, text, dict(zip(layout.columns, fields, strict=True)))
            reason = f"{len(fields)} fields, but the header has {len(layout.columns)}"
        else:
            values = from_json(text, allow_inf_nan=False)
            if isinstance(values, dict):
                return ParsedRow(record.line, text, values)
            reason = "not a JSON object"
    except UnicodeDecodeError:
        reason = NOT_UTF8
    except csv.Error as error:
        reason = f"not valid CSV: {error}"
    except ValueError as error:
        reason = f"not valid JSON: {error}"
    return BadLine(record.line, reason, record.content.decode(errors="backslashreplace").rstrip("\r\n"))


def _fields(text: str, separator: str) -> list[str]:
    csv.field_size_limit(MAX_LINE)
    return next(csv.reader([text], delimiter=separator, strict=True))


def _value(scalar: Any) -> Any:
    try:
        value = scalar.as_py()
        return value.decode() if isinstance(value, bytes) else value
    except ValueError:
        return None


def import_pyarrow() -> Any:
    """Import pyarrow with its Parquet module.

    Raises:
        PackageMissing: It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing(f"Parquet files need pyarrow; {how_to_install('bulk')}") from error
    return pyarrow
