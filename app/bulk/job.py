"""A job: read, score in a pool, write in order. A bounded window of chunks is in progress, whatever the files' size."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

from app.bulk.errors import BulkUsage
from app.bulk.output import JobState, Output
from app.bulk.pools import Pool
from app.bulk.scoring import Scored, Scoring
from app.records import FORMATS, Chunk, ColumnMissing, Layout, find_column, format_of, read_chunks, read_layout

WINDOW = 8
"""Chunks in progress per worker, those that wait to be written included."""

TEXT_COLUMNS = ("review", "text")
"""Where the reviews are if no column is named."""


@dataclass(frozen=True)
class InputFile:
    """An input file.

    Attributes:
        path: Where it is.
        layout: How it is organised.
        text: The column with the reviews.
    """

    path: Path
    layout: Layout
    text: str


class _Piece(NamedTuple):
    """A chunk to score; `part` counts through all files."""

    part: int
    source: InputFile
    chunk: Chunk


def find_sources(input_: str, output: Path) -> list[Path]:
    """List the files of INPUT: a file, a folder with all files below it, or a glob pattern.

    Raises:
        BulkUsage: There are none, or OUTPUT is inside INPUT.
    """
    folder = Path(input_)
    if folder.is_dir():
        if output.resolve().is_relative_to(folder.resolve()):
            raise BulkUsage(f"{output}: OUTPUT must not be inside INPUT")
        paths = [path for path in sorted(folder.rglob("*")) if format_of(path) and path.name[0] not in "._"]
    else:
        paths = [folder] if folder.exists() else sorted(map(Path, glob(input_, recursive=True)))
    if not paths or not all(map(format_of, paths)):
        raise BulkUsage(
            f"{input_}: no files to score; their names must end in {', '.join(FORMATS)}, or .csv.gz and so on"
        )
    return paths


def open_sources(paths: Sequence[Path], text: str | None, scoring: Scoring, output: Output) -> list[InputFile]:
    """Read the columns of all files, and check them.

    Raises:
        SentimentError: A file cannot be read, has no column with reviews, lacks a column to keep, has a column with the
            name of an added one, or does not fit the output.
    """
    sources = []
    for path in paths:
        layout = read_layout(path)
        try:
            column = find_column(layout, [text] if text else TEXT_COLUMNS, "--text")
        except ColumnMissing as error:
            raise BulkUsage(f"{path}: {error}") from error
        if missing := set(scoring.keep or ()) - set(layout.columns):
            raise BulkUsage(f"{path}: --keep names the column {min(missing)!r}, which is not there")
        if clash := set(scoring.added) & set(scoring.kept(layout)):
            raise BulkUsage(f"{path}: it has a column {min(clash)!r} already; choose other names with --prefix")
        sources.append(InputFile(path, layout, column))
    if output.is_file:
        first = sources[0].layout
        same = all(source.layout == first for source in sources) or first.format == "jsonl"
        if not same or any(source.layout.format != format_of(output.path) for source in sources):
            raise BulkUsage(f"{output.path}: a single file needs inputs of its own format with the same columns")
    return sources


def run_job(
    sources: Sequence[InputFile],
    scoring: Scoring,
    output: Output,
    pool: Pool,
    part_rows: int,
    read: Callable[[int], object],
    scored: Callable[[int], object],
) -> JobState:
    """Score what is left to do.

    Args:
        sources: The input files.
        scoring: How to score.
        output: Where to write; opened.
        pool: Scores chunks.
        part_rows: Rows per part; each file begins a new part. A single output file is one part.
        read: Called with the number of bytes that were read since the last call.
        scored: The same for the number of rows that were scored.

    Raises:
        SentimentError: A file is damaged, or scoring or writing failed. Finished parts stay.
    """
    pieces = _pieces(sources, part_rows, read, pool.chunk_bytes)
    left = (piece for piece in pieces if output.is_file or piece.part >= output.progress.parts)
    results = _score_in_order(left, pool, scored)
    for _, group in groupby(results, lambda item: 0 if output.is_file else item[0].part):
        first = next(group)
        items = ((piece.source.path.as_posix(), result) for piece, result in chain([first], group))
        output.write_part(scoring, first[0].source.layout, items)
    if output.is_file and not output.progress.parts:  # there are no rows
        output.write_part(scoring, sources[0].layout, ())
    output.complete()
    return output.progress


def _pieces(
    sources: Sequence[InputFile], part_rows: int, read: Callable[[int], object], chunk_bytes: int
) -> Iterator[_Piece]:
    finished = 0
    for source in sources:
        parts = 0  # of this file; none if it has no rows
        for chunk in read_chunks(source.path, source.layout, part_rows, read, chunk_bytes):
            parts = chunk.part + 1
            yield _Piece(finished + chunk.part, source, chunk)
        finished += parts


def _score_in_order(
    pieces: Iterator[_Piece], pool: Pool, scored: Callable[[int], object]
) -> Iterator[tuple[_Piece, Scored]]:
    waiting: deque[tuple[_Piece, Callable[[], Scored]]] = deque()
    while True:
        while len(waiting) < WINDOW * pool.workers and (piece := next(pieces, None)):
            waiting.append((piece, pool.submit(piece.source.text, piece.chunk)))
        if not waiting:
            return
        piece, result = waiting.popleft()
        done = result()
        scored(done.rows)
        yield piece, done
