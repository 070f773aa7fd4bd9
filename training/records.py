"""Labelled rows of somebody's own CSV, JSON Lines and Parquet files: what each says, and where it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from app.records import (
    COMPRESSIONS,
    FORMATS,
    BadLine,
    ColumnMissing,
    FileUnreadable,
    Layout,
    find_column,
    format_of,
    read_chunks,
    read_layout,
)
from training.errors import SourceError

OTHER_SUFFIXES = (".json", ".xlsx", ".xls", ".ods")
"""Other formats that people keep reviews in; an error says how to convert them."""


@dataclass(frozen=True)
class Columns:
    """What the columns may be called; case does not matter."""

    text: Sequence[str] = ("text", "review")
    label: Sequence[str] = ("label", "sentiment")
    split: Sequence[str] = ("split",)
    id: Sequence[str] = ("id",)


class LabelledRow(NamedTuple):
    """A row; None for what it does not have. `place` is `file:line`."""

    place: str
    text: object
    label: object
    split: object = None
    id: object = None


class BadRow(NamedTuple):
    """A row that cannot be used, as `file:line`, and why."""

    place: str
    reason: str


def holds_rows(path: str) -> bool:
    """Whether a path is named like a file of rows, and not like an archive or a folder."""
    named = format_of(Path(path)) is not None or Path(path).suffix.lower() in OTHER_SUFFIXES
    return named and not Path(path).is_dir()


def read_records(path: Path, columns: Columns, progress: Progress) -> Iterator[LabelledRow | BadRow]:
    """Read a file's rows, in order.

    Args:
        path: The file.
        columns: The columns to look for.
        progress: Shows how much has been read.

    Raises:
        SourceError: The file is missing, empty, damaged, in another format, or lacks a column.
    """
    if format_of(path) is None:
        advice = f": jq -c '.[]' {path.name} > {path.stem}.jsonl" if path.suffix == ".json" else ""
        raise SourceError(
            f"{path}: training reads {', '.join(FORMATS)}, also with {', '.join(COMPRESSIONS)}; convert it{advice}"
        )
    empty = True
    try:
        task = progress.add_task(f"reading {path.name}", total=path.stat().st_size)
        layout = read_layout(path)
        names = _names(path, layout, columns)
        for chunk in read_chunks(path, layout, advance=lambda read: progress.advance(task, read)):
            for row in chunk.rows(list(names.values())):
                empty = False
                place = f"{path.name}:{row.line}"
                if isinstance(row, BadLine):
                    yield BadRow(place, row.reason)
                else:
                    yield LabelledRow(place, **{field: row.values.get(name) for field, name in names.items()})
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except FileUnreadable as error:
        raise SourceError(str(error)) from error
    if empty:
        raise SourceError(f"{path}: there are no rows below the header")


def _names(path: Path, layout: Layout, columns: Columns) -> dict[str, str]:
    """Which column has what; a split and an id are optional."""
    found = {}
    for field, names in vars(columns).items():
        try:
            found[field] = find_column(layout, names, f"--{field}-column")
        except ColumnMissing as error:
            if field in ("text", "label"):
                raise SourceError(f"{path}: {error}") from error
    return found
