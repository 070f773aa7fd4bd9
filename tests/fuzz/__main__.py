"""`python -m tests.fuzz`: fuzz the vocabulary and POST /predict for any time."""

import argparse
import secrets
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi.testclient import TestClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.main import create_app
from app.settings import Settings
from tests.fuzz.test_fuzz import (
    EXAMPLES,
    MAX_BODY_BYTES,
    MAX_CHARACTERS,
    MAX_REVIEWS,
    VOCABULARY,
    Target,
    body_target,
    fuzz,
)
from tests.servers import ROOT

HELP = """\
Fuzz the vocabulary and POST /predict, and stop at the first input that is handled wrongly.

targets:
  vocabulary  any texts, terms and encodings: tokens, columns and rows must match the plain definition
  body        any bytes, and valid bodies with some bytes changed, sent to POST /predict of the newest shipped bundle:
              each must get predictions or a documented problem, and every valid body predictions
"""

EXAMPLES_OF_USE = f"""\
examples:
  python -m tests.fuzz                                a minute, half of it for each target
  python -m tests.fuzz --seconds 600                  ten minutes
  python -m tests.fuzz body --seconds 3600            an hour for one target
  python -m tests.fuzz body --seed 7 --seconds 0      one round of {EXAMPLES} inputs: repeat a finding

A finding is minimised, printed with the command that repeats it, and ends its target; the exit code is then 1.
Hypothesis generates the input: https://hypothesis.readthedocs.io.
"""


def parser() -> argparse.ArgumentParser:
    """The command-line options."""
    options = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        description=HELP,
        epilog=EXAMPLES_OF_USE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "target", nargs="?", choices=("vocabulary", "body"), metavar="target", help="default: one after the other"
    )
    options.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        help="in all, half of them for each target unless one is named (default: 60)",
    )
    options.add_argument("--seed", type=int, help="of the first round; the next ones count on (default: a random one)")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run.

    Returns:
        The exit code: 0 nothing was found, 1 something was, 130 interrupted.
    """
    options = parser().parse_args(arguments)
    seed = secrets.randbelow(1_000_000_000) if options.seed is None else options.seed
    console = Console()
    console.print(f"seed {seed}")
    try:
        with service() as client:
            targets = [target for target in (VOCABULARY, body_target(client)) if options.target in (None, target.name)]
            results = [run(target, options.seconds / len(targets), seed, console) for target in targets]
    except KeyboardInterrupt:
        console.print("interrupted; nothing was found so far")
        return 130
    return 0 if all(results) else 1


def run(target: Target, seconds: float, seed: int, console: Console) -> bool:
    """Fuzz one target and show progress; returns whether nothing was found."""
    columns = (
        TextColumn("{task.description:10}"),
        BarColumn(),
        TextColumn("{task.fields[tried]:,} inputs"),
        TimeElapsedColumn(),
    )
    started = time.monotonic()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(target.name, total=seconds, tried=0)
        try:
            tried = fuzz(
                target,
                seconds,
                seed,
                lambda tried: progress.update(task, completed=time.monotonic() - started, tried=tried),
            )
        except Exception as error:
            finding = "".join(traceback.format_exception(error))
        else:
            progress.update(task, completed=seconds, tried=tried)
            return True
    console.print(finding, markup=False, highlight=False, soft_wrap=True)
    return False


@contextmanager
def service() -> Iterator[TestClient]:
    """The app over the newest shipped bundle; only errors are logged."""
    settings = Settings(
        model_dir=ROOT / "models/imdb",
        runtime="litert",
        max_reviews=MAX_REVIEWS,
        max_characters=MAX_CHARACTERS,
        max_body_bytes=MAX_BODY_BYTES,
        log_level="error",
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


if __name__ == "__main__":
    sys.exit(main())
