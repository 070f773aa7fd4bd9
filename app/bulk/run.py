"""A job from its beginning, or from where it was stopped, to its end."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from app.bulk.errors import InputChanged, InputError, RowsLost
from app.bulk.job import Job
from app.bulk.output import Done, Output, Plan, unread_of
from app.bulk.plan import Chunk, Unread, plan_source
from app.bulk.progress import Report
from app.bulk.sources import LOOKED_AT, Source
from app.bulk.work import Outcome
from app.memory import peak_resident_bytes

Execute = Callable[[Sequence[Chunk]], Generator[Outcome, None, None]]
"""Scores chunks, somewhere, and yields an outcome for each."""


def check_columns(job: Job) -> None:
    """Refuse columns that there are not, or that there would be twice.

    Raises:
        InputError: So it is.
    """
    known = [source for source in job.sources if source.columns and not source.problem]
    _check_fields(job, [source for source in known if source.format == "jsonl"])
    for source in known:
        kept = job.kept(source)
        if source.format != "jsonl" and (missing := [name for name in kept if name not in source.columns]):
            raise InputError(
                f"{source.name}: no column {missing[0]!r} to keep; it has {', '.join(map(repr, source.columns))}"
            )
        if twice := [name for name in (source.text, *kept) if source.columns.count(name) > 1]:
            raise InputError(
                f"{source.name}: two columns have the same name {twice[0]!r}. Rename one of them"
                + ("" if twice[0] == source.text else ", or name the columns to keep with --keep, without this one")
            )
        if taken := [name for name in job.added if name in kept]:
            raise InputError(
                f"{source.name}: it has a column {taken[0]!r} already, which the output adds. Add --prefix predicted_ "
                f"to name the new one predicted_{taken[0]}, or say with --keep which columns to keep"
            )


def _check_fields(job: Job, sources: Sequence[Source]) -> None:
    """Refuse to keep what no row of JSON has. Rows and files need not be alike, so that one with the field is enough.

    Raises:
        InputError: So it is.
    """
    found = {name: None for source in sources for name in source.columns}
    if found and (missing := [name for name in job.keep or () if name not in found]):
        raise InputError(
            f"{sources[0].name}: no field {missing[0]!r} to keep in the first {LOOKED_AT} rows, or in those of another "
            f"file of JSON; they have {', '.join(map(repr, found))}. Without --keep, rows stay whole"
        )


def make_plan(job: Job, report: Report) -> Plan:
    """Cut a job into chunks.

    Raises:
        PackageMissing: A file needs a package that is not installed.
    """
    report.start("looking for rows", "bytes", sum(source.size for source in job.sources))
    chunks: list[Chunk] = []
    unread: list[Unread] = []
    for index, source in enumerate(job.sources):
        for item in plan_source(source, index, len(chunks), job.chunk_rows, _on_disk(source, report)):
            if isinstance(item, Chunk):
                chunks.append(item)
            else:
                unread.append(item)
    return Plan(job=job, chunks=tuple(chunks), unread=tuple(unread))


def _on_disk(source: Source, report: Report) -> Callable[[int], None]:
    # Of a compressed file, nobody knows how many bytes of text it holds.
    return (lambda _: None) if source.compression else report.advance


def run(output: Output, plan: Plan, execute: Execute, report: Report) -> dict[str, Any]:
    """Score what is not done yet, and complete the job.

    Returns:
        The manifest, with what this run took.

    Raises:
        SentimentError: See `Execute`.
        InputChanged: A file was changed while the job ran.
        RowsLost: Rows do not add up.
    """
    output.prepare()
    done = {one.chunk: one for one in output.done()}
    left = [chunk for chunk in plan.chunks if chunk.number not in done]
    total = sum(chunk.rows for chunk in plan.chunks)
    if done:
        report.say(f"{len(done):,} of {len(plan.chunks):,} chunks were done before; going on with the rest")
    report.start("scoring", "rows", total, total - sum(chunk.rows for chunk in left))
    began = time.monotonic()
    outcomes: list[Outcome] = []
    with closing(execute(left)) as executed:
        for outcome in executed:
            chunk = plan.chunks[outcome.chunk]
            if outcome.scored + outcome.bad + sum(item.rows or 0 for item in outcome.unread) != chunk.rows:
                raise RowsLost(plan.job.sources[chunk.source].name, chunk.row, chunk.rows)
            output.commit(plan, outcome)
            done[chunk.number] = Done(chunk=chunk.number, scored=outcome.scored, bad=outcome.bad, unread=outcome.unread)
            outcomes.append(outcome)
            report.advance(chunk.rows)
    for chunk in plan.chunks:
        if chunk.number not in done:
            raise RowsLost(plan.job.sources[chunk.source].name, chunk.row, chunk.rows)
    for source in plan.job.sources:
        _check_unchanged(source)
    manifest = _manifest(output, plan, done)
    output.finish(plan, list(done.values()), manifest)
    return manifest | {"run": _run(outcomes, time.monotonic() - began)}


def _check_unchanged(source: Source) -> None:
    if source.problem:
        return  # nothing of it was read, and it may not even be there
    try:
        stat = source.path.stat()
    except OSError:
        raise InputChanged(source.name) from None
    if (stat.st_size, stat.st_mtime_ns) != (source.size, source.modified):
        raise InputChanged(source.name)


def _manifest(output: Output, plan: Plan, done: dict[int, Done]) -> dict[str, Any]:
    files = []
    for index, source in enumerate(plan.job.sources):
        mine = [chunk for chunk in plan.chunks if chunk.source == index]
        files.append(
            {
                "file": source.name,
                "bytes": source.size,
                "rows": sum(chunk.rows for chunk in mine),
                "scored": sum(done[chunk.number].scored for chunk in mine),
                "bad": sum(done[chunk.number].bad for chunk in mine),
                "unread": sum(item.rows or 0 for chunk in mine for item in done[chunk.number].unread),
                "parts": [output.part_name(plan, chunk) for chunk in mine if done[chunk.number].scored],
            }
        )
    return {
        "model": plan.job.model.model_dump(),
        "runtime": plan.job.runtime,
        "completed": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": {name: sum(file[name] for file in files) for name in ("rows", "scored", "bad", "unread")},
        "unread": [item.model_dump() for item in unread_of(plan, done.values())],
        "columns": {"text": sorted({source.text for source in plan.job.sources}), "added": list(plan.job.added)},
        "max_characters": plan.job.max_characters,
        "files": files,
    }


def _run(outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    """What this run took."""
    scored = [outcome for outcome in outcomes if outcome.ended]
    rows = sum(outcome.scored for outcome in scored)
    cpu = sum(outcome.cpu for outcome in scored)
    return {
        "scored": rows,
        "chunks": len(outcomes),
        "workers": len({outcome.worker for outcome in scored}),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "reviews_a_second": _speed(scored),
        "reviews_a_cpu_second": round(rows / cpu, 1) if cpu else None,
        "memory": peak_resident_bytes(),
        "memory_of_a_worker": max((one.memory for one in scored), default=0),
    }


def _speed(outcomes: Sequence[Outcome]) -> float | None:
    """Reviews a second while all workers were at work: between the last one's start and the first one's end."""
    spans: dict[str, tuple[float, float]] = {}
    for one in outcomes:
        began, ended = spans.get(one.worker, (one.began, one.ended))
        spans[one.worker] = min(began, one.began), max(ended, one.ended)
    if not spans:
        return None
    start, end = max(began for began, _ in spans.values()), min(ended for _, ended in spans.values())
    if start >= end:  # they never were: then all of the time, pauses included
        start, end = min(began for began, _ in spans.values()), max(ended for _, ended in spans.values())
    rows = sum(one.scored * _overlap(one, start, end) / (one.ended - one.began) for one in outcomes)
    return round(rows / (end - start), 1)


def _overlap(outcome: Outcome, start: float, end: float) -> float:
    return max(min(outcome.ended, end) - max(outcome.began, start), 0)
