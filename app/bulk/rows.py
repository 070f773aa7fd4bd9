"""The rows of a chunk: what each holds, and whether POST /predict would take its review."""

import base64
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.bulk.errors import InputChanged
from app.bulk.job import Job
from app.bulk.plan import Chunk
from app.bulk.records import Record, fields, records
from app.bulk.sources import Source, blocks_of, line_of, open_text, text_format
from app.inference.errors import LimitExceeded
from app.inference.limits import BLANK, check_length, is_blank

# The words of POST /predict, which `app.bulk` may not import; a test asks the service and compares.
NOT_TEXT = "Input should be a valid string"
MISSING = "Field required"
NO_OBJECT = "Input should be an object"
NOT_JSON = "Invalid JSON"

NOT_FINITE = "NaN and Infinity are none"


class Row(NamedTuple):
    """A row of the input.

    Attributes:
        number: In its file, from 0.
        line: Of a text file the line where it begins, from 1; else None.
        review: The text to score; of no meaning when there is an objection.
        objection: Why it cannot be scored, or None.
        raw: Of a text file the bytes, without the line end.
        values: Column -> value, as far as the row could be read. Of Parquet made only for bad rows.
    """

    number: int
    line: int | None
    review: str
    objection: str | None
    raw: bytes
    values: dict[str, Any]

    def described(self, source: Source) -> dict[str, Any]:
        """What the side file says of it: where it is, what is wrong, and all that it holds."""
        content: dict[str, Any]
        if source.format == "parquet":
            content = {"columns": self.values}
        else:
            try:
                content = {"raw": self.raw.decode()}
            except UnicodeDecodeError:
                content = {"raw_base64": base64.b64encode(self.raw).decode()}
        place: dict[str, Any] = {"file": source.name, "row": self.number}
        if self.line is not None:
            place["line"] = self.line
        return place | {"reason": self.objection} | content


def objection_to(review: object, max_characters: int) -> str | None:
    """Why POST /predict would refuse a review, in its words; None if it would not."""
    if not isinstance(review, str):
        return NOT_TEXT
    if is_blank(review):
        return BLANK
    try:
        check_length(review, max_characters, "this one")
    except LimitExceeded as error:
        return str(error)
    return None


class TextReader:
    """Reads chunks of CSV and JSONL files.

    It keeps the last file open, because a compressed one can only be read onwards: the next chunk of it is not far.

    Args:
        job: Names the files and the columns.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._source: Source | None = None
        self._stream: BufferedIOBase | None = None
        self._position = 0

    def read(self, chunk: Chunk) -> list[Row]:
        """Read the rows of a chunk, good and bad.

        Raises:
            InputChanged: They are not those that were planned.
        """
        source = self._job.sources[chunk.source]
        checksum = 0
        line = chunk.line
        rows: list[Row] = []
        for record in records(self._blocks(source, chunk), text_format(source)):
            checksum = zlib.crc32(record.content, checksum)
            if not record.is_blank:
                rows.append(self._row(source, record, chunk.row + len(rows), line))
            line += record.lines
        if checksum != chunk.checksum or len(rows) != chunk.rows:
            raise InputChanged(source.name)
        return rows

    def _blocks(self, source: Source, chunk: Chunk) -> Iterator[bytes]:
        if self._stream is None or self._source != source or chunk.start < self._position:
            if self._stream is not None:
                self._stream.close()
            self._stream, self._source, self._position = open_text(source), source, 0
        if not source.compression:
            self._stream.seek(chunk.start)
        else:
            for _ in blocks_of(self._stream, chunk.start - self._position):
                pass
        self._position = chunk.start + chunk.size
        yield from blocks_of(self._stream, chunk.size)

    def _row(self, source: Source, record: Record, number: int, line: int) -> Row:
        content = record.content.removeprefix(BOM_UTF8) if line == 1 else record.content
        raw = content.removesuffix(b"\n").removesuffix(b"\r")
        objection = record.objection
        values: dict[str, Any] = {}
        if not objection:
            objection, values = _csv_values(raw, source) if source.format == "csv" else _json_values(raw)
        if not objection:
            objection = self._objection_to(values, source) or (_infinite(raw) if source.format == "jsonl" else None)
        return Row(number, line, "" if objection else values[source.text], objection, raw, values)

    def _objection_to(self, values: dict[str, Any], source: Source) -> str | None:
        if source.text not in values:
            return f"{source.text}: {MISSING}"
        if objection := objection_to(values[source.text], self._job.max_characters):
            return objection
        if source.format == "jsonl" and self._job.keep is None:
            # Rows of JSONL need not be alike, so that not everything is known when the job begins.
            if taken := [name for name in self._job.added if name in values]:
                return f"it has a field {taken[0]!r} already, which the output adds; --prefix gives that another name"
            if self._job.format_of(source) != "jsonl" and (new := [n for n in values if n not in source.columns]):
                return (
                    f"it has a field {new[0]!r} that the first rows of the file do not have; "
                    "keep it with --format jsonl, or name the columns with --keep"
                )
        return None


def _csv_values(raw: bytes, source: Source) -> tuple[str | None, dict[str, Any]]:
    try:
        found = fields(line_of(raw.decode()))
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start} of the row", {}
    if len(found) != len(source.columns):
        return f"{len(source.columns)} fields expected, as in the header; this row has {len(found)}", {}
    return None, dict(zip(source.columns, found, strict=True))


def _json_values(raw: bytes) -> tuple[str | None, dict[str, Any]]:
    try:
        values = from_json(raw)
    except ValueError as error:
        return f"{NOT_JSON}: {error}", {}
    return (None, values) if isinstance(values, dict) else (NO_OBJECT, {})


def _infinite(raw: bytes) -> str | None:
    """Why a row that could be read is no JSON after all.

    POST /predict takes NaN for a number, and objects to it where it wants a text; so it comes last. Where it stands in
    another field, the row must not come out as it is: most readers stop at such a line.
    """
    if b"NaN" not in raw and b"Infinity" not in raw:
        return None
    try:
        from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        return f"{NOT_JSON}: {error}; {NOT_FINITE}"
    return None
