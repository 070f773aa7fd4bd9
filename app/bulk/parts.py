"""Parts of the output: a chunk's rows with what the model made of them.

A part of the format that its input has holds the input's rows byte by byte; only when columns are dropped, or the
format is another one, are rows written anew.
"""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.bulk.job import Job
from app.bulk.rows import Row
from app.bulk.sources import Source
from app.bulk.tables import write_table
from app.bulk.values import plain, plain_value
from app.inference.prediction import Prediction


def write_part(
    path: Path, job: Job, source: Source, rows: Sequence[Row], predictions: Sequence[Prediction], table: Any
) -> None:
    """Write a part.

    Args:
        path: The file; it must not be there.
        job: Says which columns it has, and how they are named.
        source: The file that the rows come from.
        rows: Those that were scored.
        predictions: One a row.
        table: The rows as a table, of Parquet; else None.

    Raises:
        OSError: The system refused.
    """
    format_ = job.format_of(source)
    added = _added(job, source, rows, predictions)
    if format_ == "parquet":
        metadata = {f"sentiment.{key}": value for key, value in job.model.model_dump().items()}
        metadata["sentiment.runtime"] = job.runtime
        if table is not None:
            kept = table.select(job.kept(source))
        else:
            columns = zip(*(_texts(values) for values in _values(job, source, rows, None)), strict=True)
            kept = dict(zip(job.kept(source), columns, strict=True))
        write_table(path, kept, added, metadata)
        return
    new = list(zip(*added.values(), strict=True))
    as_it_is = format_ == source.format and job.keep is None
    if format_ == "csv":
        lines = _csv_lines(job, source, rows, new, None if as_it_is else _values(job, source, rows, table))
    else:
        lines = _json_lines(job, source, rows, new, None if as_it_is else _values(job, source, rows, table))
    path.write_bytes(b"".join(lines))


def _added(
    job: Job, source: Source, rows: Sequence[Row], predictions: Sequence[Prediction]
) -> dict[str, Sequence[Any]]:
    columns: tuple[Sequence[Any], ...] = (
        [prediction.positive_probability for prediction in predictions],
        [prediction.sentiment for prediction in predictions],
        [prediction.words for prediction in predictions],
        [prediction.known_words for prediction in predictions],
        [source.name] * len(rows),
        [row.number for row in rows],
    )
    return dict(zip(job.added, columns, strict=True))


def _values(job: Job, source: Source, rows: Sequence[Row], table: Any) -> list[list[Any]]:
    """The kept values of each row."""
    kept = job.kept(source)
    if table is None:
        return [[plain(row.values.get(name)) for name in kept] for row in rows]
    columns = [[plain_value(value) for value in table.column(name)] for name in kept]
    return [list(values) for values in zip(*columns, strict=True)] if columns else [[] for _ in rows]


def _texts(values: list[Any]) -> list[str | None]:
    """Values as a column of texts can hold them: what is no text, as JSON."""
    return [value if value is None or isinstance(value, str) else _json(value) for value in values]


def _csv_lines(
    job: Job, source: Source, rows: Sequence[Row], new: Sequence[Sequence[Any]], values: list[list[Any]] | None
) -> list[bytes]:
    header = _csv_line([*job.kept(source), *job.added])
    if values is None:
        return [header, *(row.raw + b"," + _csv_line(columns) for row, columns in zip(rows, new, strict=True))]
    return [header, *(_csv_line([*_texts(kept), *columns]) for kept, columns in zip(values, new, strict=True))]


def _csv_line(values: Sequence[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue().encode()


def _json_lines(
    job: Job, source: Source, rows: Sequence[Row], new: Sequence[Sequence[Any]], values: list[list[Any]] | None
) -> list[bytes]:
    added = [_json_line(dict(zip(job.added, columns, strict=True))) for columns in new]
    if values is None:
        return [
            row.raw.strip().removesuffix(b"}").rstrip() + b", " + line[1:]
            for row, line in zip(rows, added, strict=True)
        ]
    return [
        _json_line(dict(zip(job.kept(source), kept, strict=True))).removesuffix(b"}\n")
        + (b", " if kept else b"")
        + line[1:]
        for kept, line in zip(values, added, strict=True)
    ]


def _json(value: object) -> str:
    # What comes here went through `plain`; NaN is no JSON, and must not pass for it.
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _json_line(value: dict[str, Any]) -> bytes:
    return _json(value).encode() + b"\n"


def write_side_file(path: Path, source: Source, bad: Sequence[Row]) -> None:
    """Write the bad rows of a chunk, one JSON object a line.

    Raises:
        OSError: The system refused.
    """
    path.write_bytes(b"".join(_json_line(row.described(source)) for row in bad))
