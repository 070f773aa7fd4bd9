"""Jobs as people run them, in processes of their own, on reviews that are made up."""

import csv
import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from app.bulk.job import Job, Model
from app.bulk.sources import find_sources
from app.inference.bundle import load_bundle
from tests.corpus import review
from tests.servers import ROOT, environment

PATIENCE = 240
"""Seconds for a job that takes some on a quiet machine."""


def reviews(count: int, seed: int = 0) -> list[str]:
    """Texts with everything that a format could stumble over."""
    rng = random.Random(seed)
    signs = ["", ' "quoted" ', ", and more,\n", "\r\nnext line", " Café – “nice” 🎬", "'"]
    return [review(rng.choice(["pos", "neg"]), rng) + rng.choice(signs) for _ in range(count)]


def write_csv(path: Path, texts: Sequence[str], end: str = "\n") -> Path:
    with gzip.open(path, "wt", 1, newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator=end)
        writer.writerow(["id", "review", "note"])
        writer.writerows([f"id-{i}", text, f"note, {i}"] for i, text in enumerate(texts))
    return path


def write_jsonl(path: Path, texts: Sequence[str]) -> Path:
    lines = [json.dumps({"id": i, "review": text, "tags": ["a", {"b": None}]}) + "\n" for i, text in enumerate(texts)]
    path.write_text("".join(lines))
    return path


def job_of(source: Path, chunk_rows: int) -> tuple[Job, Path]:
    """A job with LiteRT and the shipped bundle, and the bundle's folder."""
    bundle = load_bundle(ROOT / "models/imdb/2")
    job = Job(
        sources=tuple(find_sources(source, None)),
        model=Model(name="imdb", version="2", digest=bundle.digest),
        runtime="litert",
        max_characters=1000,
        chunk_rows=chunk_rows,
        format=None,
        keep=None,
        prefix="",
    )
    return job, bundle.folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "app.bulk", *map(str, arguments), "--json"]


def settings(**changes: object) -> dict[str, str]:
    return environment(**{"runtime": "litert", **changes})


def run_bulk(*arguments: object, **changes: object) -> subprocess.CompletedProcess[str]:
    """Run a job to its end; with LiteRT and the shipped bundle."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=settings(**changes), capture_output=True, text=True, timeout=PATIENCE
    )


def succeed(*arguments: object, code: int = 0, **changes: object) -> dict[str, Any]:
    """Run a job; returns its summary."""
    done = run_bulk(*arguments, **changes)
    assert done.returncode == code, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    assert summary["rows"]["rows"] == sum(summary["rows"][name] for name in ("scored", "bad", "unread"))
    return summary


def refused(*arguments: object, code: int = 2, **changes: object) -> str:
    """Run a job that has to fail; returns what it says."""
    done = run_bulk(*arguments, **changes)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
    return done.stderr


def parts(output: Path) -> list[Path]:
    return sorted(output.glob("part-*"))


def scored(output: Path) -> list[dict[str, Any]]:
    """The rows of all parts, in order; those of CSV with numbers as such."""
    rows: list[dict[str, Any]] = []
    for part in parts(output):
        match part.suffix:
            case ".csv":
                with part.open(newline="") as file:
                    rows += [_typed(row) for row in csv.DictReader(file)]
            case ".jsonl":
                rows += map(json.loads, part.read_bytes().splitlines())
            case ".parquet":
                rows += pq.read_table(part).to_pylist()
    return rows


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    kinds = {"positive_probability": float, "words": int, "known_words": int, "source_row": int}
    return {name: kinds.get(name, str)(value) for name, value in row.items()}


def bad(output: Path) -> list[dict[str, Any]]:
    """The side file."""
    path = output / "_bad_rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def numbers(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Where rows come from."""
    return [(row["source_file"], row["source_row"]) for row in rows]


def prediction_of(row: dict[str, Any]) -> dict[str, Any]:
    """A row's part that POST /predict answers."""
    return {name: row[name] for name in ("positive_probability", "sentiment", "words", "known_words")}


@contextmanager
def started(line: list[str], variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A job at work, in a group of its own; killed at the end of the block."""
    process = subprocess.Popen(
        line,
        cwd=ROOT,
        env=variables,
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
