"""The input of a job: which files it has, and what is in them."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from glob import glob
from itertools import chain, product
from pathlib import Path

from ..records import (
    FORMATS,
    Chunk,
    FileUnreadable,
    Format,
    Layout,
    find_column,
    format_of,
    read_chunks,
    read_layout,
    read_stdin,
)
from .output import STREAM, BulkUsage, bad_lines_of, is_single
from .scoring import Scoring

TEXT_COLUMNS = ("review", "text")
"""Where the reviews are if no column is named."""


@dataclass(frozen=True)
class InputFile:
    """An input file, or standard input."""

    path: Path  # `STREAM` for standard input
    signature: tuple[int, int]  # before it was read; see `signature_of`
    layout: Layout | None  # None if it cannot be read
    text: str  # the column with the reviews
    chunks: Callable[[int, int], Iterator[Chunk]]  # reads it; see `app.records.read_chunks`
    damage: str = ""  # why it cannot be read

    @property
    def name(self) -> str:
        """The path for files of JSON."""
        return escaped(str(self.path))


def escaped(text: str) -> str:
    """The text with escapes for bytes of file names that are not UTF-8, which JSON cannot hold."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def open_sources(
    input_: str, output: Path, format_: Format | None, text: str | None, scoring: Scoring
) -> list[InputFile]:
    """Find the files of INPUT, read their columns, and check them.

    Args:
        input_: A file, a folder with all files below it, a glob pattern, or standard input.
        output: OUTPUT.
        format_: Format of standard input; by default JSON Lines.
        text: The column with the reviews, if it is named.
        scoring: How to score.

    Raises:
        SentimentError: There are no files, none can be read, or one lacks a column with reviews or to keep, or has one
            with the name of an added one; OUTPUT overlaps with INPUT or does not fit it.
    """
    sources = [_open_source(path, format_, text, scoring) for path in _find(input_, output)]
    layouts = [source.layout for source in sources if source.layout]
    if not layouts:
        raise FileUnreadable(sources[0].damage)
    first = layouts[0]
    if output == STREAM and first.format == "parquet":
        raise BulkUsage("Parquet needs a file; it cannot be written to standard output")
    if is_single(output):
        same = first.format == "jsonl" or all(layout == first for layout in layouts)
        format_ = format_of(output) or first.format
        if not same or any(layout.format != format_ for layout in layouts):
            raise BulkUsage(f"{output}: a single file needs inputs of its own format with the same columns")
    return sources


def _find(input_: str, output: Path) -> list[Path]:
    if not is_single(output) and output.suffix[1:2].isalpha() and not output.is_dir():
        raise BulkUsage(
            f"{output}: OUTPUT is a file whose name ends in {', '.join(FORMATS)}, or a folder; for a folder of this "
            "name, create it first"
        )
    if input_ == str(STREAM):
        found = paths = [STREAM]
    else:
        try:
            found = [Path(input_)] if Path(input_).exists() else sorted(map(Path, glob(input_, recursive=True)))
            paths = list(dict.fromkeys(chain.from_iterable(map(_files_of, found))))
        except OSError as error:
            raise BulkUsage(f"{input_}: {error.strerror}") from error
        if not found:
            raise BulkUsage(f"{input_}: no such file")
        if not paths or not all(map(format_of, paths)):
            raise BulkUsage(
                f"{input_}: no files to score; their names must end in {', '.join(FORMATS)}, or .csv.gz and so on"
            )
    if _overlap(found, paths, output):
        raise BulkUsage(f"{output}: INPUT and OUTPUT overlap; write to another folder")
    return paths


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = (file for file in sorted(path.rglob("*")) if format_of(file) and file.is_file())
    return [file for file in inside if not any(name[0] in "._" for name in file.relative_to(path).parts)]


def _overlap(found: Sequence[Path], paths: Sequence[Path], output: Path) -> bool:
    """Whether a job could replace an input, under whatever name, or read what it writes."""
    written = [status for path in (output, bad_lines_of(output)) if (status := _regular(path, 1))]
    read = (status for path in paths if (status := _regular(path, 0)))
    if any(os.path.samestat(*pair) for pair in product(written, read)):
        return True
    return output != STREAM and any(output.resolve().is_relative_to(path.resolve()) for path in found if path.is_dir())


def _regular(path: Path, descriptor: int) -> os.stat_result | None:
    """The `stat` of a regular file; `descriptor` is that of the standard stream."""
    try:
        status = os.stat(descriptor if path == STREAM else path)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def signature_of(path: Path) -> tuple[int, int]:
    """Size and modification time; zeros for what is not a file."""
    status = _regular(path, 0)
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


def _open_source(path: Path, format_: Format | None, text: str | None, scoring: Scoring) -> InputFile:
    signature = signature_of(path)
    try:
        stdin = path == STREAM
        layout, chunks = read_stdin(format_ or "jsonl") if stdin else (read_layout(path), partial(read_chunks, path))
    except FileUnreadable as error:
        return InputFile(path, signature, None, "", lambda *_: iter(()), str(error))
    if format_ and layout.format != format_:
        raise BulkUsage(f"{path}: --format is for standard input; this file's format follows from its name")
    column = find_column(path, layout, [text] if text else TEXT_COLUMNS, "--text-column")
    for name in scoring.keep or ():
        if (count := layout.columns.count(name)) != 1:
            there = "there twice" if count else "not there"
            raise BulkUsage(f"{path}: --keep names the column {name!r}, which is {there}")
    if clash := set(scoring.added) & set(scoring.kept(layout)):
        raise BulkUsage(f"{path}: it has a column {min(clash)!r} already; choose other names with --prefix")
    return InputFile(path, signature, layout, column, chunks)
