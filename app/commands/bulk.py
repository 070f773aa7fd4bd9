"""The `bulk` command: files of any size, a progress bar, a summary and an exit code."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ..bulk.job import run_job
from ..bulk.output import STREAM, BulkUsage, JobState, Output, is_single
from ..bulk.pools import STOPPING, local_processes, ray_tasks
from ..bulk.scoring import Scoring
from ..bulk.sources import escaped, open_sources
from ..bundles.reading import find_bundle, load_bundle
from ..model.errors import PackageMissing
from ..records import ColumnMissing
from ..telemetry.memory import peak_resident_bytes
from . import options as opt

DAMAGED, INCOMPLETE = 1, 3
"""Exit codes if an input file is damaged, and if not every row could be scored."""


def run(
    input_: Annotated[
        str, typer.Argument(metavar="INPUT", help="A file, a folder, a quoted glob pattern, or `-` for standard input.")
    ],
    output: Annotated[
        Path,
        typer.Argument(help="A folder for the parts, a file of the input's format, or `-` for standard output."),
    ],
    text_column: opt.TextColumn = None,
    keep: Annotated[
        str | None, typer.Option(help="Input columns to keep, separated by commas; by default all.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Prefix for the names of the added columns.")] = "",
    explain: opt.Explain = 0,
    format_: Annotated[
        Literal["jsonl", "csv"] | None,
        typer.Option("--format", help="Format of standard input; by default `jsonl`.", show_default=False),
    ] = None,
    part_rows: Annotated[int, typer.Option(min=1, help="Rows per part; a crash loses at most one part.")] = 100_000,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one per core.")] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on this Ray cluster: HOST:PORT, or auto.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a job that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output file.")] = False,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersion = None,
    max_characters: opt.MaxCharacters = None,
) -> None:
    """Score CSV, JSON Lines and Parquet files of any size.

    For example:

        python -m app bulk reviews.csv scored.csv
        python -m app bulk exports/ scored --text-column body --keep id,stars
        python -m app bulk "exports/*.jsonl.gz" scored --resume
        zcat reviews.csv.gz | python -m app bulk - - --format csv > scored.csv

    Adds the columns `positive_probability`, `sentiment`, `uncertain`, `words`, `known_words` and `error` to each row,
    and with `--explain` also `reasons`, such as `superb +1.9; dull -1.2`: terms with their effects on the log-odds.
    Lines that cannot be parsed go to `_bad_lines.jsonl`, or to standard error if OUTPUT is `-`.

    Exit codes: 0 every row was scored, 1 the job failed or a file is damaged, 2 the command is invalid, 3 the job is
    complete, but rows have errors or lines could not be parsed. After 1, finished parts stay.
    """
    settings = opt.load_settings(
        runtime=runtime, model_dir=model_dir, model_version=model_version, max_characters=max_characters
    )
    if overwrite and not is_single(output):
        raise typer.BadParameter(
            "--overwrite replaces a single file; choose a new folder, or --resume for a stopped job"
        )
    if resume and str(STREAM) in (input_, str(output)):
        raise typer.BadParameter("--resume needs files; standard input and output cannot be continued")
    columns = list(filter(None, keep.split(","))) if keep is not None else None
    try:
        bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
        scoring = Scoring(
            bundle.folder.resolve(),
            bundle.digest,
            settings.command_runtime,
            columns,
            prefix,
            settings.max_characters,
            explain,
        )
        sources = open_sources(input_, output, format_, text_column, scoring)
        job = {
            "inputs": [[source.name, *source.signature] for source in sources],
            "text": text_column,
            "part_rows": part_rows,
            **asdict(scoring),
        }
        del job["bundle"]  # its digest counts, wherever it is
        files, this_run = Output(output, scoring, job), _Run()
        for number in STOPPING:
            signal.signal(number, _stop)
        try:
            with files.opened(resume, overwrite):
                if not files.progress.complete:
                    pools = ray_tasks(scoring, workers, ray) if ray else local_processes(scoring, workers or _cores())
                    with pools as pool, _bar(output) as bar:
                        total = sum(source.signature[0] for source in sources)
                        task = bar.add_task("scoring", total=total or None, rows=0, speed=0.0)

                        def advance(read: int, rows: int) -> None:
                            this_run.add(rows)
                            bar.update(task, advance=read, rows=this_run.rows, speed=this_run.rows_per_second)

                        run_job(sources, files, pool, part_rows, advance)
        except KeyboardInterrupt as stop:
            typer.echo(f"stopped; {files.advice}", err=True)
            raise typer.Exit(128 + stop.args[0]) from None
    except (BulkUsage, ColumnMissing, PackageMissing) as error:
        raise typer.BadParameter(str(error)) from error
    _print_summary(files.progress, this_run, output, as_json)
    if files.progress.damaged:
        raise typer.Exit(DAMAGED)
    if files.progress.errors or files.progress.bad_lines:
        raise typer.Exit(INCOMPLETE)


class _Run:
    """Counts rows, and their rate since the first ones were scored, which does not include loading the model."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.rows = self._first_rows = 0
        self.rows_per_second = self._first = 0.0

    def add(self, rows: int) -> None:
        """Count rows that have just been scored."""
        if not rows:
            return
        now = time.monotonic()
        if not self.rows:
            self._first_rows, self._first = rows, now
        self.rows += rows
        if now > self._first:
            self.rows_per_second = (self.rows - self._first_rows) / (now - self._first)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """Make the first SIGINT or SIGTERM a KeyboardInterrupt, which Ray passes on; cleaning up ignores others."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


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


def _print_summary(progress: JobState, run: _Run, output: Path, as_json: bool) -> None:
    piped, seconds, rate = output == STREAM, time.monotonic() - run.started, run.rows_per_second
    if as_json:
        facts = {"rows": run.rows, "seconds": seconds, "rows_per_second": rate, "memory": peak_resident_bytes()}
        typer.echo(json.dumps(asdict(progress) | {"run": facts}), err=piped)
        return
    once_started = f" ({rate:,.0f} rows/s once started)" if rate else ""
    lines = [f"{run.rows:,} rows in {seconds:.1f} s{once_started} -> {'standard output' if piped else output}"]
    if progress.errors or progress.bad_lines:
        lines.append(f"rows with an error: {progress.errors:,}, lines that could not be parsed: {progress.bad_lines:,}")
    lines += [f"not scored to its end: {file['reason']}" for file in progress.damaged]
    typer.echo(escaped("\n".join(lines)), err=piped)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
