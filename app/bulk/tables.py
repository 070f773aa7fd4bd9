"""Parquet: the rows of a chunk, read without holding a whole row group, and parts as tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.bulk.job import Job
from app.bulk.plan import Chunk, Unread
from app.bulk.rows import Row, objection_to
from app.bulk.sources import Source, import_pyarrow, is_text, reason_of
from app.bulk.values import plain_value

BATCH_ROWS = 1024
"""Rows that are decoded at a time."""

COMPRESSION = "zstd"


class TableReader:
    """Reads chunks of Parquet files.

    It keeps its place in the last row group, because one can only be read onwards: the next chunk is not far.

    Args:
        job: Names the files and the columns.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pa = import_pyarrow()
        self._file: tuple[Path, Any] | None = None
        self._place: tuple[int, int] | None = None  # row group, row in it
        self._batches: Iterator[Any] = iter(())
        self._rest: Any = None

    def read(self, chunk: Chunk) -> tuple[list[Row], Any, list[Unread]]:
        """Read the rows of a chunk.

        Returns:
            The rows, good and bad; a table of them, in the same order; and those that a damage keeps from being read.
        """
        source = self._job.sources[chunk.source]
        rows: list[Row] = []
        tables: list[Any] = []
        unread: list[Unread] = []
        for group, first, start, end in self._groups(source, chunk):
            row = first + start
            slices = self._slices(group, start, end)
            while row < first + end:
                try:
                    table = next(slices)
                    reviews = self._reviews(table.column(source.text))
                except Exception as error:  # pyarrow raises what it likes on a damaged file; reported, the rest goes on
                    self._place = None
                    reason = f"row group {group} cannot be read: {reason_of(error)}"
                    unread.append(Unread(file=source.name, row=row, rows=first + end - row, reason=reason))
                    break
                # Not in the reach of that `except`: what could be read is never lost because it is hard to describe.
                rows += self._rows(table, reviews, row)
                tables.append(table)
                row += table.num_rows
        return rows, self._pa.concat_tables(tables) if tables else None, unread

    def _groups(self, source: Source, chunk: Chunk) -> Iterator[tuple[int, int, int, int]]:
        """Yield each row group that a chunk reaches into: its number, its first row in the file, from and to where."""
        if self._file is None or self._file[0] != source.path:
            # Unbuffered, a row group's pages are read one after the other instead of all at once.
            opened = self._pa.parquet.ParquetFile(
                source.path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
            )
            self._file, self._place = (source.path, opened), None
        footer = self._file[1].metadata
        first = 0
        for group in range(footer.num_row_groups):
            count = footer.row_group(group).num_rows
            start, end = max(chunk.start - first, 0), min(chunk.start + chunk.rows - first, count)
            if start < end:
                yield group, first, start, end
            first += count

    def _slices(self, group: int, start: int, end: int) -> Iterator[Any]:
        """Yield the rows of a row group from `start` to `end` as tables."""
        assert self._file is not None
        if self._place is None or self._place[0] != group or self._place[1] > start:
            self._batches = self._file[1].iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False)
            self._place, self._rest = (group, 0), None
        while self._place[1] < end:
            if self._rest is None:
                self._rest = self._pa.Table.from_batches([next(self._batches)])
            position = self._place[1]
            skip = min(max(start - position, 0), self._rest.num_rows)
            take = min(end - position, self._rest.num_rows)
            if take > skip:
                yield self._rest.slice(skip, take - skip)
            self._rest = self._rest.slice(take) if take < self._rest.num_rows else None
            self._place = (group, position + take)

    def picked(self, table: Any, places: Sequence[int]) -> Any:
        """Some rows of a table, in their order; `take` does not know every type of column."""
        runs: list[tuple[int, int]] = []
        for place in places:
            if runs and runs[-1][1] == place:
                runs[-1] = (runs[-1][0], place + 1)
            else:
                runs.append((place, place + 1))
        slices = [table.slice(start, end - start) for start, end in runs]
        return self._pa.concat_tables(slices) if slices else table.slice(0, 0)

    def _rows(self, table: Any, reviews: Sequence[Any], first: int) -> list[Row]:
        rows = []
        for i, value in enumerate(reviews):
            if isinstance(value, bytes):
                try:
                    review, objection = value.decode(), None
                except UnicodeDecodeError as error:
                    review, objection = "", f"not UTF-8: {error.reason} at byte {error.start} of the review"
            else:
                review, objection = value, None
            objection = objection or objection_to(review, self._job.max_characters)
            values = _described(table.slice(i, 1)) if objection else {}
            rows.append(Row(first + i, None, review, objection, b"", values))
        return rows

    def _reviews(self, column: Any) -> list[Any]:
        """The values of the text's column: bytes, or None where there is none or it is no text."""
        pa = self._pa
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not is_text(pa, column.type):
            return [None] * len(column)
        reviews: list[Any] = column.cast(pa.large_binary()).to_pylist()
        return reviews


def _described(row: Any) -> dict[str, Any]:
    """A table of one row as JSON can hold it."""
    described: dict[str, Any] = {}
    for i, (name, column) in enumerate(zip(row.column_names, row.columns, strict=True)):
        described[f"{name} (column {i + 1})" if name in described else name] = plain_value(column[0])
    return described


def write_table(path: Path, kept: Any, added: dict[str, Sequence[Any]], metadata: dict[str, str]) -> None:
    """Write a Parquet part.

    Args:
        path: The file.
        kept: The columns of the input as a table, or as a dict of texts and nulls.
        added: The columns to add.
        metadata: About the model; goes into the footer.
    """
    pa = import_pyarrow()
    if isinstance(kept, dict):
        fields = [pa.field(name, pa.string()) for name in kept]
        columns = [pa.array(column, pa.string()) for column in kept.values()]
        before: dict[bytes, bytes] = {}
    else:
        fields, columns, before = list(kept.schema), kept.columns, kept.schema.metadata or {}
    kinds = (pa.float64(), pa.string(), pa.int32(), pa.int32(), pa.string(), pa.int64())
    for (name, column), kind in zip(added.items(), kinds, strict=True):
        fields.append(pa.field(name, kind))
        columns.append(pa.array(column, kind))
    about = before | {key.encode(): value.encode() for key, value in metadata.items()}
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, about))
    pa.parquet.write_table(table, path, compression=COMPRESSION)
