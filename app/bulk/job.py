"""A job: read, score in a pool, write in order. A bounded window of chunks is in progress, whatever the files' size."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from ..model.errors import SentimentError
from ..records import Chunk, FileUnreadable, Layout
from .output import DamagedFile, Output
from .pools import Pool
from .scoring import Scored
from .sources import InputFile, escaped, signature_of

WINDOW = 8
"""Chunks in progress per worker, those that wait to be written included."""
Advance = Callable[[int, int], object]
"""Called with the number of bytes that were read, and that of rows that were scored, since the last call."""


class _Piece(NamedTuple):
    """Where a chunk belongs; `part` counts through all files."""

    part: int
    layout: Layout
    source: InputFile


def run_job(sources: Sequence[InputFile], output: Output, pool: Pool, part_rows: int, advance: Advance) -> None:
    """Score what is left to do, and write it to the opened output.

    Each input file begins a new part, and a part has at most `part_rows` rows. A single output file is one part.

    Raises:
        SentimentError: A file has changed meanwhile, or scoring or writing failed. Finished parts stay.
    """
    scored = _score_in_order(_chunks_left(sources, output, pool, part_rows, advance), pool, advance)
    single = (0, next(source.layout for source in sources if source.layout))
    for (_, layout), group in groupby(scored, lambda item: single if output.single else item[0][:2]):
        output.write_part(layout, ((piece.source.name, result) for piece, result in group))
    if output.single and not output.progress.parts:  # there are no rows
        output.write_part(single[1], ())
    output.finish()


def _chunks_left(
    sources: Sequence[InputFile], output: Output, pool: Pool, part_rows: int, advance: Advance
) -> Iterator[tuple[_Piece, Chunk]]:
    """Read what is left to do. A file that is damaged ends where the damage begins."""
    finished = 0  # parts
    for source in sources:
        damage, end = source.damage, finished
        try:
            for chunk in source.chunks(part_rows, pool.chunk_bytes):
                advance(chunk.size, 0)
                end = finished + chunk.part + 1
                if end > output.progress.parts:
                    yield _Piece(end - 1, chunk.layout, source), chunk
        except FileUnreadable as error:
            damage = str(error)
        if signature_of(source.path) != source.signature:
            raise SentimentError(f"{source.name}: it changed while it was being scored; start over with a new OUTPUT")
        finished = end
        if damage:
            output.progress.damaged.append(DamagedFile(file=source.name, reason=escaped(damage)))


def _score_in_order(
    chunks: Iterator[tuple[_Piece, Chunk]], pool: Pool, advance: Advance
) -> Iterator[tuple[_Piece, Scored]]:
    waiting: deque[tuple[_Piece, Callable[[], Scored | SentimentError]]] = deque()
    while True:
        while len(waiting) < WINDOW * pool.workers and (found := next(chunks, None)):
            piece, chunk = found
            waiting.append((piece, pool.submit(piece.source.text, chunk)))
        if not waiting:
            return
        piece, result = waiting.popleft()
        scored = result()
        if isinstance(scored, SentimentError):
            raise scored
        advance(0, scored.rows)
        yield piece, scored
