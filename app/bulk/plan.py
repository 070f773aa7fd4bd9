"""A job cut into chunks, before any of it is scored.

The cut depends on the files and on `--chunk-rows` alone, so that a job that was stopped finds its chunks again, and so
that what the workers count can be held against what was counted here. To find the rows of a text file costs less
than a tenth of what scoring them costs on one core.
"""

import zlib
from collections.abc import Callable, Iterator

from pydantic import BaseModel, ConfigDict

from app.bulk.errors import BulkError
from app.bulk.records import records
from app.bulk.sources import Source, blocks_of, import_pyarrow, open_text, reason_of, text_format

CHUNK_BYTES = 16 << 20
"""Bytes of text a chunk at most, one record excepted; bounds the memory of a worker."""


class Chunk(BaseModel):
    """A piece of work: consecutive rows of one file. Its result is committed whole or not at all.

    Attributes:
        number: Counted from 0 through the whole job.
        source: The file's place in the list of sources.
        part: Counted from 0 within the file.
        start: Where it begins: a byte of the text, uncompressed, or a row of a Parquet file.
        size: Bytes of the text, uncompressed; 0 of a Parquet file.
        row: Number of its first row in the file, from 0.
        rows: How many it holds; blank lines are none.
        line: Number of its first line in a text file, from 1.
        checksum: CRC-32 of the text.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    source: int
    part: int
    start: int
    size: int = 0
    row: int
    rows: int
    line: int = 1
    checksum: int = 0


class Unread(BaseModel):
    """Rows that could not be read, so that nobody knows what they hold.

    Attributes:
        file: The source's name.
        row: The first of them, from 0.
        rows: How many; None if that cannot be known either.
        reason: What the reader said.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    row: int
    rows: int | None
    reason: str


def plan_source(
    source: Source, index: int, number: int, chunk_rows: int, advance: Callable[[int], None]
) -> Iterator[Chunk | Unread]:
    """Cut a file into chunks; where it cannot be read, say so, and end.

    Args:
        source: The file.
        index: Its place in the list of sources.
        number: The number of its first chunk.
        chunk_rows: Rows a chunk at most.
        advance: Told how many bytes of text were looked at.
    """
    if source.problem:
        yield Unread(file=source.name, row=0, rows=None, reason=source.problem)
        return
    cut = _cut_parquet(source, chunk_rows) if source.format == "parquet" else _cut_text(source, chunk_rows, advance)
    row = part = 0
    try:
        for start, size, rows, line, checksum in cut:
            yield Chunk(
                number=number + part,
                source=index,
                part=part,
                start=start,
                size=size,
                row=row,
                rows=rows,
                line=line,
                checksum=checksum,
            )
            row += rows
            part += 1
    except BulkError:
        raise
    except Exception as error:  # readers raise what they like on a damaged file; it is reported, and the rest goes on
        yield Unread(file=source.name, row=row, rows=None, reason=f"cannot be read from here on: {reason_of(error)}")


def _cut_text(
    source: Source, chunk_rows: int, advance: Callable[[int], None]
) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield start, size, rows, first line and checksum of each chunk.

    Of a damaged file, everything before the damage is in a chunk but the record that the damage cut off.
    """
    start = size = rows = checksum = lines = 0
    line = 1
    is_header = source.format == "csv"
    damage: Exception | None = None
    with open_text(source) as stream:
        found = records(_told(blocks_of(stream), advance), text_format(source))
        while True:
            try:
                record = next(found)
            except StopIteration:
                break
            except Exception as error:
                damage = error
                break
            if rows >= chunk_rows or (rows and size + record.size > CHUNK_BYTES):
                yield start, size, rows, line, checksum
                start, size, rows, line, checksum, lines = start + size, 0, 0, line + lines, 0, 0
            size += record.size
            lines += record.lines
            checksum = zlib.crc32(record.content, checksum)
            if is_header and not record.is_blank:
                is_header = False
                start, size, line, checksum, lines = start + size, 0, line + lines, 0, 0
            elif not record.is_blank:
                rows += 1
    if rows:
        yield start, size, rows, line, checksum
    if damage:
        raise damage


def _told(blocks: Iterator[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    for block in blocks:
        advance(len(block))
        yield block


def _cut_parquet(source: Source, chunk_rows: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield the same of a Parquet file, from its footer alone. Small row groups share a chunk."""
    footer = import_pyarrow().parquet.read_metadata(source.path)
    start = rows = size = 0
    for i in range(footer.num_row_groups):
        group = footer.row_group(i)
        if not group.num_rows:
            continue
        most = max(1, min(chunk_rows, CHUNK_BYTES * group.num_rows // max(group.total_byte_size, 1)))
        if rows and (rows + group.num_rows > chunk_rows or size + group.total_byte_size > CHUNK_BYTES):
            yield start, 0, rows, 1, 0
            start, rows, size = start + rows, 0, 0
        left = group.num_rows
        while left > most:
            yield start, 0, most, 1, 0
            start, left = start + most, left - most
        rows += left
        size += group.total_byte_size * left // group.num_rows
    if rows:
        yield start, 0, rows, 1, 0
