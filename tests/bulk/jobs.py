"""Jobs as people run them, on made-up reviews; in a process of their own where signals or streams matter."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from app.bulk.pools import STOPPING
from app.commands.main import app
from tests.corpus import review
from tests.models import MODELS
from tests.servers import ROOT, environment

PATIENCE = 240
"""Seconds for a job that takes a few on a quiet machine."""


def reviews(count: int, seed: int = 0) -> list[str]:
    """Texts with everything that a format could get wrong."""
    rng = random.Random(seed)
    endings = ["", ' "quoted" ', ", and more,\n", "\r\nnext line", " Café – “nice” 🎬", "'"]
    return [review(rng.choice(["pos", "neg"]), rng) + rng.choice(endings) for _ in range(count)]


def write_csv(path: Path, texts: Sequence[str], separator: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator="\n")
        writer.writerow(["id", "review", "note"])
        writer.writerows([f"00{i}", text, f"note, {i}"] for i, text in enumerate(texts))
    return path


def write_jsonl(path: Path, texts: Sequence[str]) -> Path:
    lines = [json.dumps({"id": i, "review": text, "tags": ["a", {"b": None}]}) + "\n" for i, text in enumerate(texts)]
    path.write_text("".join(lines))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "app", "bulk", *map(str, arguments), "--json"]


def settings(**changes: object) -> dict[str, str]:
    return environment(**{"runtime": "numpy", **changes})


def run_bulk(*arguments: object, code: int = 0, **changes: object) -> Result:
    """Run a job to its end, with NumPy and the shipped bundle, and check its exit code; only workers are processes."""
    variables = {"runtime": "numpy", "model_dir": MODELS, **changes}
    env = {f"SENTIMENT_{name.upper()}": str(value) for name, value in variables.items()}
    handlers = {number: signal.getsignal(number) for number in STOPPING}
    try:
        result = CliRunner().invoke(app, ["bulk", *map(str, arguments)], env=env)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def succeed(*arguments: object, code: int = 0, **changes: object) -> dict[str, Any]:
    """Run a job; returns its summary. With the exit code 1, a file is damaged."""
    summary: dict[str, Any] = json.loads(run_bulk(*arguments, "--json", code=code, **changes).stdout)
    assert summary["complete"] == (code != 1)
    return summary


def error_of(*arguments: object, code: int = 2) -> str:
    """Run a job that has to fail; returns its message."""
    result = run_bulk(*arguments, code=code)
    assert not result.stdout
    return result.stderr


def parts(output: Path) -> list[Path]:
    return sorted(output.glob("part-*"))


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an output file, or of all parts of a folder in order; numbers of CSV are converted."""
    if path.is_dir():
        return [row for part in parts(path) for row in rows_of(part)]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    with path.open(newline="") as file:
        return [_converted(row) for row in csv.DictReader(file)]


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    types: dict[str, Callable[[str], Any]] = {"positive_probability": float, "words": int, "known_words": int}
    types["uncertain"] = json.loads
    return {name: types.get(name, str)(value) if value else None for name, value in row.items()}


def prediction_in(row: dict[str, Any]) -> dict[str, Any]:
    """The part of a row that POST /predict returns."""
    return {name: row[name] for name in ("positive_probability", "sentiment", "uncertain", "words", "known_words")}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def started(
    line: list[str], variables: dict[str, str], stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """A job in progress, in a process group of its own; killed at the end of the block."""
    process = subprocess.Popen(
        line,
        cwd=ROOT,
        env=variables,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
