"""`python -m app.bulk INPUT OUTPUT`: score files."""

import argparse
import io
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from pydantic import ValidationError

from app.bulk.errors import InputError, JobDiffers, OutputForeign, OutputInUse, PackageMissing, Stopped
from app.bulk.job import Job, Model
from app.bulk.local import run_locally
from app.bulk.output import BAD_ROWS, MANIFEST, Output, Plan, locked
from app.bulk.progress import Report
from app.bulk.run import Execute, check_columns, make_plan, run
from app.bulk.sources import FORMATS, find_sources, is_utf8
from app.inference.bundle import find_bundle, load_bundle
from app.inference.errors import SentimentError
from app.inference.runtimes import RUNTIMES
from app.settings import PREFIX, Settings, error_messages

DONE, FAILED, USAGE, BAD, UNREAD = 0, 1, 2, 3, 4

EPILOG = f"""\
examples:
  python -m app.bulk reviews.csv scored                     a file, column `review` or `text`, one worker a core
  python -m app.bulk exports/ scored --text body            all .csv, .jsonl, .ndjson and .parquet files of a folder
  python -m app.bulk reviews.jsonl.gz scored --format parquet --keep id,stars
  python -m app.bulk reviews.csv scored --prefix predicted_ a file that has a column `sentiment` already
  python -m app.bulk exports/ scored --ray 10.0.0.5:6379    the same on a Ray cluster

If it is stopped or killed, run the same command again: it goes on from there. When it is complete, OUTPUT holds the
parts, {MANIFEST}, and {BAD_ROWS} if there are rows that cannot be scored.

exit codes:
  0  complete, every row was scored
  1  the bundle, a worker, the cluster or the disk failed; the message says what to do
  2  the command cannot be carried out as it is: an option, INPUT, a column, or an OUTPUT that is another job's
  3  complete, but some rows are bad; they are in {BAD_ROWS} with the reasons
  4  complete, but a file or a part of one could not be read; {BAD_ROWS} says which
  130, 143  stopped by Ctrl-C or SIGTERM; the same command goes on

The model and its limits are chosen as for the service: {PREFIX}MODEL_DIR, {PREFIX}MODEL_VERSION, {PREFIX}RUNTIME and
{PREFIX}MAX_CHARACTERS are the defaults of the options with these names.
"""


def parser(settings: Settings) -> argparse.ArgumentParser:
    """The options; those of the model have the settings as defaults."""
    options = argparse.ArgumentParser(
        prog="python -m app.bulk",
        description="Score the reviews in CSV, JSONL and Parquet files, of any size. The answers are those of POST "
        "/predict, added to each row as columns.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "input",
        type=Path,
        metavar="INPUT",
        help=f"a file or a folder; names end in {', '.join(FORMATS)}; text files may be .gz, .bz2 or .zst as well",
    )
    options.add_argument(
        "output", type=Path, metavar="OUTPUT", help="a folder: a new, an empty, or a stopped job's one"
    )
    options.add_argument("--text", metavar="COLUMN", help="the column of the reviews (default: review, else text)")
    options.add_argument(
        "--keep",
        type=_names,
        metavar="COLUMNS",
        help="columns of the input to keep, separated by commas, '' for none (default: all, unchanged)",
    )
    options.add_argument("--prefix", default="", help="stands before the names of the added columns (default: nothing)")
    options.add_argument(
        "--format", choices=sorted(set(FORMATS.values())), help="of the parts (default: that of each input file)"
    )
    options.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="processes (default: one a core); with --ray, processes in the cluster (default: one a core of it)",
    )
    options.add_argument(
        "--chunk-rows",
        type=_count,
        default=10_000,
        metavar="N",
        help="rows a part at most, and the work that a crash can cost (default: 10000, or 16 MiB of text)",
    )
    options.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default=settings.runtime,
        help=f"what executes the network (now: {settings.runtime})",
    )
    options.add_argument("--model-dir", type=Path, default=settings.model_dir, metavar="DIR", help="folder of versions")
    options.add_argument(
        "--model-version", default=settings.model_version, metavar="N", help="of the bundle (default: the newest)"
    )
    options.add_argument(
        "--max-characters",
        type=_count,
        default=settings.max_characters,
        metavar="N",
        help=f"characters a review may have (now: {settings.max_characters}); longer ones are bad rows",
    )
    options.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="run on this Ray cluster: HOST:PORT of its head, or auto for that of this machine",
    )
    options.add_argument("--overwrite", action="store_true", help="delete what an earlier job left in OUTPUT first")
    options.add_argument("--json", action="store_true", help="progress as JSON lines, and a summary in JSON at the end")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run; returns the exit code, see EPILOG."""
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error_messages(error):
            print(f"error: {fault}", file=sys.stderr)
        return USAGE
    options = parser(settings).parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        with Report(options.json) as report:
            summary = score(options, report)
    except Stopped as error:
        print(f"{error}", file=sys.stderr)
        return 128 + error.signal
    except SentimentError as error:
        print(f"error: {error}", file=sys.stderr)
        wrong = (InputError, JobDiffers, OutputForeign, OutputInUse, PackageMissing)
        return USAGE if isinstance(error, wrong) else FAILED
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # files have names that not every locale can show
    print(json.dumps(summary) if options.json else _in_words(summary, options.output))
    if summary["unread"]:
        return UNREAD
    return BAD if summary["rows"]["bad"] else DONE


def score(options: argparse.Namespace, report: Report) -> dict[str, Any]:
    """Do the job that the options name.

    Returns:
        The manifest; under `run` what this run took, if there was anything to do.

    Raises:
        SentimentError: It cannot be done, or not to its end.
    """
    output_folder = options.output.resolve()
    if not is_utf8(output_folder):
        raise InputError(f"{options.output}: its path is not UTF-8; name another folder")
    bundle = load_bundle(find_bundle(options.model_dir, options.model_version))
    manifest = bundle.manifest
    job = Job(
        sources=tuple(find_sources(options.input, options.text, output_folder)),
        model=Model(name=manifest.name, version=manifest.version, digest=bundle.digest),
        runtime=options.runtime,
        max_characters=options.max_characters,
        chunk_rows=options.chunk_rows,
        format=options.format,
        keep=options.keep,
        prefix=options.prefix,
    )
    check_columns(job)
    with locked(output_folder) as output:
        if options.overwrite:
            output.clear()
        plan = output.planned(job)
        if plan and (earlier := output.manifest):
            report.say("this job is complete already; --overwrite does it again")
            return earlier
        if not plan:
            plan = make_plan(job, report)
            output.begin(plan)
        return run(output, plan, _executor(options, plan, output, bundle.folder.resolve()), report)


def _executor(options: argparse.Namespace, plan: Plan, output: Output, bundle: Path) -> Execute:
    if options.ray:
        from app.bulk.cluster import run_on_ray

        return partial(run_on_ray, options.ray, plan.job, bundle, output.staging, workers=options.workers)
    return partial(run_locally, plan.job, bundle, output.staging, workers=options.workers or _cores())


def _cores() -> int:
    """Those that this process may use; where the system does not say, those of the machine."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _in_words(summary: dict[str, Any], output: Path) -> str:
    rows = summary["rows"]
    lines = [
        f"{rows['rows']:,} rows: {rows['scored']:,} scored, {rows['bad']:,} bad, {rows['unread']:,} unread",
        *(f"{item['file']}, row {item['row']}: {item['reason']}" for item in summary["unread"]),
    ]
    if run_ := summary.get("run"):
        speed = f", {run_['reviews_a_second']:,.0f} reviews a second" if run_["reviews_a_second"] else ""
        lines.append(f"{run_['scored']:,} scored now, in {run_['seconds']:.1f} s{speed}")
    if rows["bad"] or summary["unread"]:
        lines.append(f"what was not scored, and why: {output / BAD_ROWS}")
    return "\n".join([*lines, f"complete: {output / MANIFEST}"])


def _stop(number: int, _: FrameType | None) -> None:
    # Anywhere: what is committed is safe at any moment, and what is not is thrown away.
    raise Stopped(number)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else ()
    if twice := [name for name in names if names.count(name) > 1]:
        raise argparse.ArgumentTypeError(f"{twice[0]!r} is named twice")
    return names


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def run_and_exit(arguments: list[str] | None = None) -> NoReturn:
    """Run, and end the process with the exit code."""
    exit_code = main(arguments)
    if "ray" in sys.modules:
        from app.bulk.cluster import leave

        leave(exit_code)
    sys.exit(exit_code)


if __name__ == "__main__":
    run_and_exit()
