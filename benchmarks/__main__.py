"""Compare the service with its peers and with the ceiling, and write benchmarks/results.json and docs/performance.md.

Every server runs in an environment of its own, gets the same real test reviews from wrk, and is started anew in each
round; rounds are interleaved, so that a drift of the machine meets everyone. Keep the machine quiet meanwhile.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.contenders import ALONE, CONTENDERS, Contender, predict_body
from benchmarks.environments import ROOT, environment
from benchmarks.load import drive, require_wrk
from benchmarks.processes import Running, running
from benchmarks.report import write_report
from benchmarks.samples import sample_reviews, write_bodies
from benchmarks.stall import stall

RESULTS = ROOT / "benchmarks/results.json"
LARGEST = 128
"""Reviews in a request of the largest size that the service takes by default."""

LOADS = {"1": (1, 1), "32": (32, 1), "128": (128, 1), "batches of 64": (4, 64)}
"""Load -> connections, reviews a request."""

WARM_UP = 2
"""Seconds at 32 connections before anything is measured."""


def started(contender: Contender, python: Path, review: str) -> AbstractContextManager[Running]:
    """Run a contender; it is ready once it has answered for a review."""
    first = (contender.path, contender.body([review]).encode())
    return running([str(python), *contender.arguments], contender.settings, first, contender.port)


def measure(contender: Contender, python: Path, review: str, bodies: dict[int, Path], seconds: int) -> dict[str, Any]:
    """Start a server, put it under every load, stop it."""
    with started(contender, python, review) as server:
        url = server.url + contender.path
        drive(url, bodies[1], 32, WARM_UP)
        loads = {
            load: _under_load(server, url, bodies[size], size, connections, seconds)
            for load, (connections, size) in LOADS.items()
        }
        return {"cold_start": server.cold_start, "memory": server.usage().memory, "loads": loads}


def _under_load(server: Running, url: str, bodies: Path, size: int, connections: int, seconds: int) -> dict[str, float]:
    before = server.usage()
    load = drive(url, bodies, connections, seconds)
    cpu = server.usage().cpu - before.cpu
    reviews = load.requests * size
    return {
        "reviews_a_second": reviews / load.seconds,
        "p50": load.p50,
        "p99": load.p99,
        "cpu_a_thousand": cpu / reviews * 1000,
        "failed": load.failed,
    }


def write_all_bodies(folder: Path, contender: Contender, reviews: Sequence[str]) -> dict[int, Path]:
    """Write a contender's request bodies, one a line.

    Returns:
        Reviews a request -> file.
    """
    files = {}
    for size in sorted({size for _, size in LOADS.values()}):
        files[size] = folder / f"{contender.body.__name__}-{size}.jsonl"
        write_bodies(files[size], contender.body, reviews, size)
    return files


def stages(python: Path, reviews: Path, runtime: str) -> dict[str, Any]:
    """Run `benchmarks.stages` in another environment."""
    command = [str(python), "-m", "benchmarks.stages", "--runtime", runtime, "--reviews", str(reviews)]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def measure_stall(
    contender: Contender, python: Path, reviews: Sequence[str], folder: Path, seconds: int
) -> dict[str, Any]:
    """Start the service and measure what the largest requests do to others."""
    large = folder / "largest.jsonl"
    large.write_text(f"{predict_body(reviews[:LARGEST])}\n")
    with started(contender, python, reviews[0]) as server:
        drive(server.url + contender.path, large, 1, WARM_UP)
        return stall(server.url, reviews[0], large, seconds)


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, help="archives or folders of raw reviews")
    options.add_argument("--rounds", type=int, default=3, help="times that everyone is measured (default: 3)")
    options.add_argument("--seconds", type=int, default=3, help="length of each load (default: 3)")
    options.add_argument("--only", nargs="+", metavar="NAME", help="measure these alone, and write no report")
    options.add_argument("--report", action="store_true", help="only write docs/performance.md anew from the results")
    return options


def main() -> int:
    """Run; returns the exit code."""
    options = parser()
    chosen = options.parse_args()
    if chosen.report:
        write_report(json.loads(RESULTS.read_text()))
        return 0
    if not chosen.dataset:
        options.error("--dataset is needed: the reviews to send")
    require_wrk()
    contenders = [contender for contender in CONTENDERS if not chosen.only or contender.name in chosen.only]
    if not contenders:
        options.error(f"--only takes {', '.join(contender.name for contender in CONTENDERS)}")
    console = Console(stderr=True)
    pythons = {contender.name: environment(contender.requirements, console) for contender in contenders}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reviews = sample_reviews(chosen.dataset, progress)
        sample = folder / "reviews.json"
        sample.write_text(json.dumps(reviews))
        rounds: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
        inside: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        stalls: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        bodies = {contender.name: write_all_bodies(folder, contender, reviews) for contender in contenders}
        task = progress.add_task("measuring", total=chosen.rounds * len(contenders))
        for _ in range(chosen.rounds):
            for contender in contenders:
                progress.update(task, description=contender.name)
                python = pythons[contender.name]
                rounds[contender.name].append(
                    measure(contender, python, reviews[0], bodies[contender.name], chosen.seconds)
                )
                if contender in ALONE:
                    runtime = contender.settings["SENTIMENT_RUNTIME"]
                    inside[runtime].append(stages(python, sample, runtime))
                    stalls[runtime].append(measure_stall(contender, python, reviews, folder, chosen.seconds))
                progress.advance(task)
    results = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": chosen.rounds,
        "seconds": chosen.seconds,
        "versions": {contender.name: _version(contender) for contender in contenders},
        "contenders": rounds,
        "inside": inside,
        "stall": stalls,
    }
    if chosen.only:
        print(json.dumps(results, indent=1))
        return 0
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_report(results)
    console.print("wrote benchmarks/results.json and docs/performance.md")
    return 0


def _version(contender: Contender) -> str:
    """The pin of a peer's own package; empty for others."""
    package = contender.requirements.stem.partition("_")[0]
    pins = (line for line in contender.requirements.read_text().splitlines() if line.startswith(package))
    return next(pins, "")


if __name__ == "__main__":
    sys.exit(main())
