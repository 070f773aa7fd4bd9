"""Rows of CSV, JSON Lines and Parquet files; bulk scoring and training share this.

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
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json

from app.model.errors import PackageMissing, SentimentError
from app.model.packages import how_to_install

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
"""Bytes; the rest of a longer line is dropped. Also limits how far the end of a quoted field is looked for."""
CHUNK_ROWS = 512
CHUNK_BYTES = 1 << 20
"""Of text; a longer row gets a chunk of its own."""
PEEK = 100
"""Rows of a JSON Lines file that are read to learn its fields."""
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, NotImplementedError, csv.Error)
"""What readers raise about a damaged file; pyarrow's errors are among them."""


class FileUnreadable(SentimentError):
    """A file is missing, damaged, or not what its name says."""


class ColumnMissing(SentimentError):
    """A file does not have the column, or several columns match."""


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
        schema: The `pyarrow.Schema` of a Parquet file.
    """

    format: Format
    columns: tuple[str, ...]
    header: str = ""
    separator: str = ","
    schema: Any = None


class _Text(NamedTuple):
    """A text file whose layout is known: its other records, without blank lines, and the damage that ends them."""

    layout: Layout
    records: Iterator[RawRow]
    damage: list[Exception]


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
            columns: The columns that are needed. Rows of Parquet have only these, rows of text have all. Parquet
                values that Python cannot represent, such as strings that are not UTF-8, are None.
        """
        match self.layout.format:
            case "csv":
                yield from (_csv_row(record, self.layout) for record in self.records)
            case "jsonl":
                yield from map(_json_row, self.records)
            case "parquet":
                rows = zip(*(map(_value, self.records.column(name)) for name in columns), strict=True)
                for line, row in enumerate(rows, self.line):
                    yield ParsedRow(line, "", dict(zip(columns, row, strict=True)))


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
    with _reading(path), path.open("rb") as raw:
        if format_of(path) == "parquet":
            schema = import_pyarrow().parquet.read_schema(raw)
            return Layout("parquet", tuple(schema.names), schema=schema)
        return _open_text(path, raw).layout


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
        position = 0
        for chunk in _text_chunks(_open_text(path, raw), part_rows, chunk_bytes):
            yield chunk
            before = position
            position = path.stat().st_size if raw.closed else raw.tell()  # pyarrow closes the file at its end
            advance(position - before)


def read_stdin(format_: Format) -> tuple[Layout, Callable[..., Iterator[Chunk]]]:
    """Read text from standard input, which can be read only once.

    Args:
        format_: Not Parquet, which is read from its end.

    Returns:
        Its layout, and a function that yields its chunks; see `read_chunks` for the arguments and errors.

    Raises:
        FileUnreadable: It cannot be read, or has no rows.
    """
    path = Path("standard input")
    with _reading(path):
        text = _open_text(path, io.BufferedReader(io.FileIO(0, closefd=False)), format_)

    def chunks(part_rows: int, _: Callable[[int], object], chunk_bytes: int) -> Iterator[Chunk]:
        with _reading(path):
            yield from _text_chunks(text, part_rows, chunk_bytes)

    return text.layout, chunks


def _text_chunks(text: _Text, part_rows: int, chunk_bytes: int) -> Iterator[Chunk]:
    part, room = 0, part_rows
    while chunk := _take(text.records, min(room, CHUNK_ROWS), chunk_bytes):
        yield Chunk(text.layout, part, chunk)
        room -= len(chunk)
        if not room:
            part, room = part + 1, part_rows
    if text.damage:
        raise text.damage[0]


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
    except DAMAGE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())[:200]
        raise FileUnreadable(f"{path}: cannot be read, or is damaged ({reason or type(error).__name__})") from error


def _open_text(path: Path, raw: Any, format_: Format | None = None) -> _Text:
    lines = _numbered_lines(path, raw)
    damage: list[Exception] = []
    if (format_ or format_of(path)) == "jsonl":
        records = _until_damage((RawRow(number, line) for number, line in lines if not line.isspace()), damage)
        first = _take(records, PEEK, CHUNK_BYTES)
        if not first:
            raise damage[0] if damage else FileUnreadable(f"{path}: the file is empty")
        rows = map(_json_row, first)
        columns = dict.fromkeys(name for row in rows if isinstance(row, ParsedRow) for name in row.values)
        return _Text(Layout("jsonl", tuple(columns)), chain(first, records), damage)
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
    return _Text(layout, _until_damage(_csv_records(lines, layout), damage), damage)


def _until_damage(records: Iterator[RawRow], damage: list[Exception]) -> Iterator[RawRow]:
    try:
        yield from records
    except DAMAGE as error:
        damage.append(error)


def _numbered_lines(path: Path, raw: Any) -> Iterator[tuple[int, bytes]]:
    lines = _lines(_decompressed(path, raw))
    first = next(lines, b"")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first[:1000]:
        raise FileUnreadable(f"{path}: this is UTF-16 or not text; save it as UTF-8")
    return enumerate(chain([first.removeprefix(b"\xef\xbb\xbf")] if first else [], lines), 1)


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


def _csv_records(lines: Iterator[tuple[int, bytes]], layout: Layout) -> Iterator[RawRow]:
    """Split lines into records. If a quote is never closed, only its line is bad, and the others are read again."""
    records = _joined(lines)
    while record := next(records, None):
        if b"\n" in record.content[:-1] and not _is_one_row(record, layout):
            others = io.BytesIO(record.content)
            yield RawRow(record.line, others.readline())
            # Each other line has balanced quotes, perhaps except the last: by the next unclosed one, all are read.
            records = _joined(chain(enumerate(others, record.line + 1), lines))
        else:
            yield record


def _is_one_row(record: RawRow, layout: Layout) -> bool:
    """Whether `_csv_row` accepts a record of several lines."""
    outside = b'"'.join(record.content.rstrip(b"\r\n").split(b'"')[::2])  # what is not in quotes, and the quotes
    fields = outside.split(layout.separator.encode())
    if b"\n" not in outside and not any(b'"' in field and field.strip(b'"') for field in fields):
        return len(fields) == len(layout.columns)  # nearly always; parsing every record twice would take longer
    return isinstance(_csv_row(record, layout), ParsedRow)


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


def _csv_row(record: RawRow, layout: Layout) -> ParsedRow | BadLine:
    try:
        text = record.content.decode()
        fields = _fields(text, layout.separator)
        if len(fields) == len(layout.columns):
            return ParsedRow(record.line, text, dict(zip(layout.columns, fields, strict=True)))
        reason = f"{len(fields)} fields, but the header has {len(layout.columns)}"
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except csv.Error as error:
        reason = f"not valid CSV: {error}"
    return BadLine(record.line, reason, _shown(record.content))


def _fields(text: str, separator: str) -> list[str]:
    csv.field_size_limit(MAX_LINE)
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


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except ValueError:
        return None


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
        raise PackageMissing(f"Parquet and .zst files need pyarrow; {how_to_install('bulk')}") from error
    return pyarrow
