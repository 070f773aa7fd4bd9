"""From a stream of bytes to records: the one place that says where a row of a text file begins and ends.

Both the plan and the workers read through it, so that they count the same rows. A malformed record never hides its
neighbours: where the rules below do not fit, the line by itself is a bad record, and reading goes on with the next
one.

CSV is that of RFC 4180: fields are separated by commas; one that begins with a quote ends with the next single quote,
holds line ends and commas as they are, and quotes twice. Nothing but a comma or a line end may follow the closing
quote. A quote inside a field that does not begin with one is a character like any other. JSONL has one value a line.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

BLOCK = 1 << 20
"""Bytes to read at a time."""

LONGEST_RECORD = 8 << 20
"""Bytes. A review of 50,000 characters has 200,000 at most; what is longer is a quote never closed, or no text.

A field in quotes that is longer cannot be told from a quote never closed, in bounded memory: whether it is closed
further on says nothing, since the next row that has a field in quotes may seem to close it. So its lines are records
of their own, as behind any quote that is not closed.
"""

SHOWN = 1 << 10
"""Bytes that are kept of a record longer than that."""

# Possessive quantifiers: no input, however odd, makes these take more than one pass.
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\n][^,\n]*+)?+'
_RECORD = re.compile(rb"%b(?:,%b)*+\r?\n" % (_FIELD, _FIELD))
_BEGINNING = re.compile(rb'(?:%b,)*+(?:"(?:[^"]++|"")*+"?\r?|[^",\n][^,\n]*+)?+\Z' % _FIELD)
"""What may become a record when more bytes come."""
_PARTS = re.compile(r'(?:"((?:[^"]++|"")*+)"|((?:[^",\n][^,\n]*+)?+))(,|\Z)')

MALFORMED = "malformed CSV: a quote is not closed, or something stands between a closing quote and the next comma"
TOO_LONG = f"longer than {LONGEST_RECORD >> 20} MiB, so it is no row"


class Record(NamedTuple):
    """A piece of a text file that holds one row, or none if it is blank.

    Attributes:
        content: Its bytes, the line end included; only the first ones if it is longer than LONGEST_RECORD.
        size: Its bytes in the stream.
        objection: Why it cannot be a row, or None.
    """

    content: bytes
    size: int
    objection: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it is an empty line, which is no row; a byte order mark fills none."""
        content = self.content.removeprefix(BOM_UTF8)
        return not content or content.isspace()

    @property
    def lines(self) -> int:
        """Line ends in it."""
        return self.content.count(b"\n") if self.size == len(self.content) else 1


def records(blocks: Iterable[bytes], format_: Literal["csv", "jsonl"]) -> Iterator[Record]:
    """Cut a stream at the ends of its records.

    Args:
        blocks: The stream, in pieces of any size; where they end makes no difference to the records.
        format_: What it holds.

    Yields:
        Every byte of the stream exactly once, in order. Memory is bounded by LONGEST_RECORD, whatever comes.
    """
    find = _csv_records if format_ == "csv" else _line_records
    buffer = b""
    skipped = 0  # bytes of a line that is too long to be kept
    for block in blocks:
        buffer += block
        if skipped:
            end = buffer.find(b"\n") + 1
            if not end:
                skipped, buffer = skipped + len(buffer) - SHOWN, buffer[:SHOWN]
                continue
            yield Record(buffer[:SHOWN], skipped + end, TOO_LONG)
            skipped, buffer = 0, buffer[end:]
        while True:
            start = 0
            for record in find(buffer, False):
                start += record.size
                yield record
            buffer = buffer[start:]
            if len(buffer) <= LONGEST_RECORD:
                break
            end = buffer.find(b"\n") + 1
            if not end:
                skipped, buffer = len(buffer) - SHOWN, buffer[:SHOWN]
                break
            yield _bad_line(buffer, 0, end)
            buffer = buffer[end:]
    if skipped:
        yield Record(buffer, skipped + len(buffer), TOO_LONG)
    else:
        yield from find(buffer, True)


def _line_records(buffer: bytes, is_last: bool) -> Iterator[Record]:
    lines = buffer.split(b"\n")
    rest = lines.pop()
    for line in lines:
        yield Record(line + b"\n", len(line) + 1) if len(line) < LONGEST_RECORD else _bad_line(line, 0, len(line) + 1)
    if is_last and rest:
        yield Record(rest, len(rest)) if len(rest) <= LONGEST_RECORD else _bad_line(rest, 0, len(rest))


def _csv_records(buffer: bytes, is_last: bool) -> Iterator[Record]:
    text = buffer + b"\n" if is_last and not buffer.endswith(b"\n") else buffer  # the last line may lack its end
    start = 0
    while start < len(buffer):
        found = _RECORD.match(text, start)
        if found and found.end() - start <= LONGEST_RECORD:
            end = min(found.end(), len(buffer))
            yield Record(buffer[start:end], end - start)
        elif not found and not is_last and _BEGINNING.match(text, start):
            return  # the rest comes with the next block
        else:
            end = text.find(b"\n", start) + 1
            if not end:
                return
            end = min(end, len(buffer))
            yield _bad_line(buffer, start, end)
        start = end


def _bad_line(buffer: bytes, start: int, end: int) -> Record:
    size = end - start
    if size > LONGEST_RECORD:
        return Record(buffer[start : start + SHOWN], size, TOO_LONG)
    return Record(buffer[start:end], size, MALFORMED)


def fields(text: str) -> list[str]:
    """Split a CSV record, without its line end, that `records` found no fault with."""
    found = []
    for quoted, plain, ends in _PARTS.findall(text):
        found.append(quoted.replace('""', '"') if quoted else plain)
        if not ends:
            break
    return found
