"""Rows of CSV and JSON Lines files: where each stands, what it holds, and why one cannot be read.

CSV as spreadsheets and pandas write it: UTF-8, with or without a byte order mark, separated by commas, semicolons or
tabs, quoted where needed; the first line names the columns. JSON Lines: one object a line. Either may be compressed
with gzip, bzip2 or xz.
"""

import csv
import io
import json
import lzma
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from training.archive import decompressed
from training.errors import SourceError

CSV_SUFFIXES = (".csv", ".tsv")
JSONL_SUFFIXES = (".jsonl", ".ndjson")
OTHER_SUFFIXES = (".json", ".xlsx", ".xls", ".ods", ".parquet")
"""What people keep reviews in as well; they are told what to make of it."""
COMPRESSED = (".gz", ".bz2", ".xz")
OTHER_COMPRESSED = (".zst", ".zip", ".7z", ".lz4", ".lzma", ".br", ".rar", ".z")
"""What people compress with as well; they are told what is read."""
SEPARATORS = ",;\t"

TROUBLE = {
    "unexpected end of data": 'a quote (") is opened and never closed',
    "expected after": 'a quote (") stands inside a quoted field, or one is not closed; write it twice ("")',
    "field larger than": f'a field is longer than {csv.field_size_limit():,} characters; is a quote (") not closed?',
}
"""Part of the csv module's message -> what is wrong, in words."""


@dataclass(frozen=True)
class Columns:
    """What the columns, or the fields of JSON objects, may be called; case does not matter."""

    text: Sequence[str] = ("text", "review")
    label: Sequence[str] = ("label", "sentiment")
    split: Sequence[str] = ("split",)
    id: Sequence[str] = ("id",)


class Record(NamedTuple):
    """A row as it stands there; None for what it does not have."""

    place: str
    text: object
    label: object
    split: object = None
    id: object = None


class BadRow(NamedTuple):
    """A row that cannot be used, as `file:line`, and why."""

    place: str
    reason: str


def suffix_of(path: str) -> str:
    """The ending that says what a file holds: `.csv` for `my.csv.gz` as well."""
    name = Path(path).name.lower()
    for compressed in (*COMPRESSED, *OTHER_COMPRESSED):
        name = name.removesuffix(compressed)
    return Path(name).suffix


def holds_rows(path: str) -> bool:
    """Whether a path is named like a file of rows, and not like an archive or a folder."""
    return suffix_of(path) in (*CSV_SUFFIXES, *JSONL_SUFFIXES, *OTHER_SUFFIXES) and not Path(path).is_dir()


def read_records(path: Path, columns: Columns, progress: Progress) -> Iterator[Record | BadRow]:
    """Read a file's rows, in order; bad ones do not end the reading.

    Args:
        path: The file.
        columns: What to look for.
        progress: Where to show how far the reading is.

    Raises:
        SourceError: The file is missing, empty, compressed and damaged, not UTF-8 at all, or without a column that is
            needed.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    if (compression := path.suffix.lower()) in OTHER_COMPRESSED:
        raise SourceError(
            f"{path}: training does not read {compression}; decompress the file, or compress it as one of "
            f"{', '.join(COMPRESSED)}"
        )
    if suffix_of(path.name) in OTHER_SUFFIXES:
        raise SourceError(
            f"{path}: training reads CSV and JSON Lines; save the table as CSV (UTF-8) and pass that"
            + (
                f", or make lines of a JSON array: jq -c '.[]' {path.name} > {path.stem}.jsonl"
                * (path.suffix == ".json")
            )
        )
    lines = _lines(path, progress)
    if not any(line.strip() for line in lines):
        raise SourceError(f"{path}: the file is empty; expected rows of a text and a label")
    rows = _csv_rows(path, lines, columns) if suffix_of(path.name) in CSV_SUFFIXES else _json_rows(path, lines, columns)
    any_row = False
    for row in rows:
        any_row = True
        yield row
    if not any_row:
        raise SourceError(f"{path}: no row below the line that names the columns")


def _lines(path: Path, progress: Progress) -> list[str]:
    """The lines with their ends. Bytes that are not UTF-8 become lone surrogates, so that their rows can be named."""
    try:
        with progress.open(path, "rb", description=f"reading {path.name}") as file, decompressed(file) as stream:
            content: bytes = stream.read()
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise SourceError(f"{path}: cannot be read, or damaged ({error})") from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:1000]:
        raise SourceError(f"{path}: this is UTF-16 or no text at all; save it as UTF-8")
    text = content.decode("utf-8-sig", "surrogateescape")
    return list(io.StringIO(text, newline=""))


def _csv_rows(path: Path, lines: list[str], columns: Columns) -> Iterator[Record | BadRow]:
    start = next(i for i, line in enumerate(lines) if line.strip())
    separator = max(SEPARATORS, key=lines[start].count)
    header = next(csv.reader([lines[start]], delimiter=separator))
    places = _places(path, header, columns)
    start += 1
    while start < len(lines):
        reader = csv.reader((lines[i] for i in range(start, len(lines))), delimiter=separator, strict=True)
        done = 0
        try:
            for fields in reader:
                place = f"{path.name}:{start + done + 1}"
                done = reader.line_num
                if len(fields) == len(header):
                    yield Record(place, **{name: fields[i] for name, i in places.items()})
                elif fields:  # an empty line is no row
                    yield BadRow(place, f"{len(fields)} fields, the first line names {len(header)}")
            return
        except csv.Error as error:
            reason = next((words for part, words in TROUBLE.items() if part in str(error)), str(error))
            yield BadRow(f"{path.name}:{start + done + 1}", reason)
            start += done + 1  # an open quote swallows what follows: go on with the very next line


def _places(path: Path, header: list[str], columns: Columns) -> dict[str, int]:
    """Which column holds what."""
    names = [name.strip().casefold() for name in header]
    places = {}
    for field, wanted in vars(columns).items():
        found = [i for i, name in enumerate(names) if name in [want.casefold() for want in wanted]]
        if len(found) > 1:
            raise SourceError(
                f"{path}: more than one column could be the {field}: {', '.join(header[i] for i in found)}; "
                f"choose with --{field}-column, or take one away"
            )
        if found:
            places[field] = found[0]
        elif field in ("text", "label"):
            named = ", ".join(repr(name[:20]) for name in header[:8])
            raise SourceError(
                f"{path}: no column {' or '.join(wanted)}; the first line has to name the columns, and it names "
                f"{named}. Mend the line, or say which column it is with --{field}-column"
            )
    return places


def _json_rows(path: Path, lines: list[str], columns: Columns) -> Iterator[Record | BadRow]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path.name}:{number}"
        try:
            value = json.loads(line.rstrip())
        except json.JSONDecodeError as error:
            yield BadRow(place, f"not JSON: {error.msg} at character {error.pos + 1}")
            continue
        except (RecursionError, ValueError):  # a number of thousands of digits
            yield BadRow(place, "not JSON that could be a review")
            continue
        if isinstance(value, dict):
            yield _json_row(place, value, columns)
        else:
            yield BadRow(place, 'not a JSON object; expected one a line, {"text": …, "label": …}')


def _json_row(place: str, value: Mapping[str, object], columns: Columns) -> Record | BadRow:
    named = {name.strip().casefold(): name for name in value}
    fields = {}
    for field, wanted in vars(columns).items():
        found = [named[want.casefold()] for want in wanted if want.casefold() in named]
        if len(found) > 1:
            return BadRow(place, f"both {' and '.join(found)} are there; choose with --{field}-column")
        if found:
            fields[field] = value[found[0]]
        elif field in ("text", "label"):
            return BadRow(place, f"no field {' or '.join(wanted)}")
    return Record(place, **fields)
