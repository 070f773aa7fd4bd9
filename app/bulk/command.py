"""The `bulk` command: its progress bar, summary and exit code."""

import json
import os
import signal
import sys
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.bulk.errors import BulkUsage
from app.bulk.job import run_job
from app.bulk.output import STREAM, JobState, Output, is_single
from app.bulk.pools import STOPPING, Pool, ProcessPool, RayPool
from app.bulk.scoring import Scoring
from app.bulk.sources import escaped, find_sources, open_sources
from app.inference.bundle import find_bundle, load_bundle
from app.records import Format
from app.settings import Settings
from app.telemetry.memory import peak_resident_bytes

DAMAGED = 1
"""Exit code if an input file is damaged; all others are scored."""
INCOMPLETE = 3
"""Exit code if the job is complete, but not every row could be scored."""


def run(
    settings: Settings,
    input_: str,
    output: Path,
    text: str | None,
    keep: list[str] | None,
    prefix: str,
    explain: int,
    format_: Format | None,
    part_rows: int,
    workers: int | None,
    ray: str | None,
    resume: bool,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Score files; see `app.cli.bulk` for the arguments.

    Returns:
        The exit code.

    Raises:
        SentimentError: The job cannot be done, or not to its end.
    """
    if overwrite and not is_single(output):
        raise BulkUsage("--overwrite replaces a single file; choose a new folder, or --resume for a stopped job")
    if resume and str(STREAM) in (input_, str(output)):
        raise BulkUsage("--resume needs files; standard input and output cannot be continued")
    paths = find_sources(input_, output)
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    folder, runtime = bundle.folder.resolve(), settings.command_runtime
    scoring = Scoring(folder, bundle.digest, runtime, keep, prefix, settings.max_characters, explain)
    sources = open_sources(paths, format_, text, scoring, output)
    job = {
        "inputs": [[source.name, *source.signature] for source in sources],
        "text": text,
        "part_rows": part_rows,
        **asdict(scoring),
    }
    del job["bundle"]  # its digest counts, wherever it is
    files = Output(output, job)
    started, speed, signals = time.monotonic(), _Speed(), _Signals()
    try:
        with files.opened(resume, overwrite):
            before = files.progress.rows
            if not files.progress.complete:
                pool: Pool = RayPool(scoring, workers, ray) if ray else ProcessPool(scoring, workers or _cores())
                with closing(pool), _bar(output) as bar:
                    total = sum(source.signature[0] for source in sources)
                    task = bar.add_task("scoring", total=total or None, rows=0, speed=0.0)

                    def scored(rows: int) -> None:
                        speed.add(rows)
                        bar.update(task, rows=speed.rows, speed=speed.rows_per_second)

                    run_job(sources, scoring, files, pool, part_rows, lambda read: bar.advance(task, read), scored)
    except KeyboardInterrupt:
        typer.echo(f"stopped; {files.advice}", err=True)
        return 128 + signals.received
    _print_summary(files.progress, files.progress.rows - before, time.monotonic() - started, speed, output, as_json)
    if files.progress.damaged:
        return DAMAGED
    return INCOMPLETE if files.progress.errors or files.progress.bad_lines else 0


class _Speed:
    """Rows per second since the first rows were scored, so that it does not include loading the model."""

    def __init__(self) -> None:
        self.rows = 0
        self.rows_per_second = 0.0
        self._first_rows = 0
        self._first = 0.0

    def add(self, rows: int) -> None:
        """Count rows that have just been scored."""
        now = time.monotonic()
        if not self.rows:
            self._first_rows, self._first = rows, now
        self.rows += rows
        if now > self._first:
            self.rows_per_second = (self.rows - self._first_rows) / (now - self._first)


class _Signals:
    """Makes the first SIGINT or SIGTERM a KeyboardInterrupt, which Ray passes on; cleaning up ignores others."""

    def __init__(self) -> None:
        self.received = 0
        for number in STOPPING:
            signal.signal(number, self._stop)

    def _stop(self, number: int, _: FrameType | None) -> NoReturn:
        for each in STOPPING:
            signal.signal(each, signal.SIG_IGN)
        self.received = number
        raise KeyboardInterrupt


def _bar(output: Path) -> Progress:
    columns = (
        TextColumn("{task.fields[rows]:,} rows"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]:,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal or output == STREAM, transient=True)


def _print_summary(progress: JobState, rows: int, seconds: float, speed: _Speed, output: Path, as_json: bool) -> None:
    piped = output == STREAM
    if as_json:
        this_run = {
            "rows": rows,
            "seconds": seconds,
            "rows_per_second": speed.rows_per_second,
            "memory": peak_resident_bytes(),
        }
        typer.echo(json.dumps({**asdict(progress), "run": this_run}), err=piped)
        return
    rate = f" ({speed.rows_per_second:,.0f} rows/s once started)" if speed.rows_per_second else ""
    lines = [f"{rows:,} rows in {seconds:.1f} s{rate} -> {'standard output' if piped else output}"]
    if progress.errors or progress.bad_lines:
        lines.append(f"rows with an error: {progress.errors:,}, lines that could not be parsed: {progress.bad_lines:,}")
    lines += [f"not scored to its end: {file.reason}" for file in progress.damaged]
    typer.echo(escaped("\n".join(lines)), err=piped)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
