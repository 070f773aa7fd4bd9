"""A job: read, score in a pool, write in order. A bounded window of chunks is in progress, whatever the files' size."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import NamedTuple

from ..records import Chunk, FileUnreadable, Layout
from .errors import BulkError
from .output import DamagedFile, Output
from .pools import Pool
from .scoring import Scored, Scoring
from .sources import InputFile, escaped, signature_of

WINDOW = 8
"""Chunks in progress per worker, those that wait to be written included."""


class _Piece(NamedTuple):
    """Where a chunk belongs; `part` counts through all files."""

    part: int
    source: InputFile
    layout: Layout


def run_job(
    sources: Sequence[InputFile],
    scoring: Scoring,
    output: Output,
    pool: Pool,
    part_rows: int,
    read: Callable[[int], object],
    scored: Callable[[int], object],
) -> None:
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
        SentimentError: A file has changed meanwhile, or scoring or writing failed. Finished parts stay.
    """
    results = _score_in_order(_pieces(sources, output, part_rows, read, pool.chunk_bytes), pool, scored)
    for _, group in groupby(results, lambda item: 0 if output.single else item[0].part):
        first = next(group)
        items = ((piece.source.name, result) for piece, result in chain([first], group))
        output.write_part(scoring, first[0].layout, items)
    if output.single and not output.progress.parts:  # there are no rows
        output.write_part(scoring, next(source.layout for source in sources if source.layout), ())
    output.finish()


def _pieces(
    sources: Sequence[InputFile], output: Output, part_rows: int, read: Callable[[int], object], chunk_bytes: int
) -> Iterator[tuple[_Piece, Chunk]]:
    """Read what is left to do. A file that is damaged ends where the damage begins."""
    finished = 0  # parts
    for source in sources:
        name, damage, end = source.name, source.damage, finished
        try:
            for chunk in source.chunks(part_rows, read, chunk_bytes):
                end = finished + chunk.part + 1
                if output.single or end > output.progress.parts:
                    yield _Piece(end - 1, source, chunk.layout), chunk
        except FileUnreadable as error:
            damage = str(error)
        if signature_of(source.path) != source.signature:
            raise BulkError(f"{name}: it changed while it was being scored; start over with a new OUTPUT")
        finished = end
        if damage:
            output.progress.damaged.append(DamagedFile(name, escaped(damage)))


def _score_in_order(
    pieces: Iterator[tuple[_Piece, Chunk]], pool: Pool, scored: Callable[[int], object]
) -> Iterator[tuple[_Piece, Scored]]:
    waiting: deque[tuple[_Piece, Callable[[], Scored]]] = deque()
    while True:
        while len(waiting) < WINDOW * pool.workers and (found := next(pieces, None)):
            piece, chunk = found
            waiting.append((piece, pool.submit(piece.source.text, chunk)))
        if not waiting:
            return
        piece, result = waiting.popleft()
        done = result()
        scored(done.rows)
        yield piece, done
