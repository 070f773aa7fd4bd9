"""Compare the service with its peers and the ceiling, and write benchmarks/results.json and docs/performance.md.

Every server runs in its own environment, gets the same real test reviews from wrk, and is started anew in each round.
Rounds are interleaved, so that the machine's drift affects all alike. Keep the machine quiet meanwhile.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.contenders import CONTENDERS, ONE_WORKER, Contender, predict_body, with_baseline
from benchmarks.environments import ROOT, environment
from benchmarks.load import drive, require_wrk
from benchmarks.processes import Running
from benchmarks.report import comparison, write_report
from benchmarks.samples import sample_reviews, write_bodies
from benchmarks.stall import stall

RESULTS = ROOT / "benchmarks/results.json"
LARGEST = 128
"""Reviews in the largest request that the service accepts by default."""

LOADS = {"1": (1, 1), "32": (32, 1), "128": (128, 1), "batches of 64": (4, 64)}
"""Load -> connections, reviews per request."""

WARM_UP = 2
"""Seconds of load before anything is measured."""


def measure(contender: Contender, python: Path, review: str, bodies: dict[int, Path], seconds: int) -> dict[str, Any]:
    """Start a server, put it under every load, and stop it."""
    with contender.run(python, review) as server:
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
    """Write a contender's request bodies, one per line; returns reviews per request -> file."""
    files = {}
    for size in sorted({size for _, size in LOADS.values()}):
        files[size] = folder / f"{contender.body.__name__}-{size}.jsonl"
        write_bodies(files[size], contender.body, reviews, size)
    return files


def stages(python: Path, reviews: Path, runtime: str) -> dict[str, Any]:
    """Run `benchmarks.stages` in the environment of its runtime."""
    command = [str(python), "-m", "benchmarks.stages", "--runtime", runtime, "--reviews", str(reviews)]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    result: dict[str, Any] = json.loads(output)
    return result


def measure_stall(
    contender: Contender, python: Path, reviews: Sequence[str], folder: Path, seconds: int
) -> dict[str, Any]:
    """Start the service and measure how the largest requests affect others."""
    large = folder / "largest.jsonl"
    large.write_text(f"{predict_body(reviews[:LARGEST])}\n")
    with contender.run(python, reviews[0]) as server:
        drive(server.url + contender.path, large, 1, WARM_UP)
        return stall(server.url, reviews[0], large, seconds)


def machine() -> dict[str, Any]:
    """Describe this machine."""
    model = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "processor": model[0] if model else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def measure_all(
    contenders: Sequence[Contender], dataset: Sequence[Path], rounds: int, seconds: int, console: Console
) -> dict[str, Any]:
    """Measure every contender in every round; returns the results."""
    pythons = {one.name: environment(one.root / one.requirements, console, one.root) for one in contenders}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    measured: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in contenders}
    inside: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    stalls: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with Progress(*columns, console=console) as progress, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reviews = sample_reviews(dataset, progress)
        sample = folder / "reviews.json"
        sample.write_text(json.dumps(reviews))
        bodies = {contender.name: write_all_bodies(folder, contender, reviews) for contender in contenders}
        task = progress.add_task("measuring", total=rounds * len(contenders))
        for _ in range(rounds):
            for contender in contenders:
                progress.update(task, description=contender.name)
                python = pythons[contender.name]
                run = measure(contender, python, reviews[0], bodies[contender.name], seconds)
                measured[contender.name].append(run)
                for runtime, one_worker in ONE_WORKER.items():
                    if contender == one_worker:
                        inside[runtime].append(stages(python, sample, runtime))
                        stalls[runtime].append(measure_stall(contender, python, reviews, folder, seconds))
                progress.advance(task)
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "versions": {contender.name: _version(contender) for contender in contenders},
        "contenders": measured,
        "inside": inside,
        "stall": stalls,
    }


def _version(contender: Contender) -> str:
    """The pinned version of a peer's own package; empty for others."""
    path = contender.root / contender.requirements
    package = path.stem.partition("_")[0]
    return next((line for line in path.read_text().splitlines() if line.startswith(package)), "")


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, help="archives or folders of raw reviews")
    options.add_argument("--rounds", type=int, default=3, help="how often each server is measured (default: 3)")
    options.add_argument("--seconds", type=int, default=3, help="duration of each load (default: 3)")
    options.add_argument(
        "--baseline",
        type=Path,
        metavar="DIR",
        help="another checkout of this repository, such as a worktree of an earlier commit, to compare with",
    )
    options.add_argument("--only", nargs="+", metavar="NAME", help="measure these servers, print tables, write nothing")
    options.add_argument("--report", action="store_true", help="write docs/performance.md from the existing results")
    chosen = options.parse_args()
    if chosen.report:
        write_report(json.loads(RESULTS.read_text()))
        return 0
    if not chosen.dataset:
        options.error("--dataset is required")
    names = [contender.name for contender in CONTENDERS]
    if unknown := set(chosen.only or ()) - set(names):
        options.error(f"--only does not know {', '.join(sorted(unknown))}; it takes {'; '.join(names)}")
    if chosen.baseline and not (chosen.baseline / "requirements").is_dir():
        options.error(f"--baseline {chosen.baseline} is no checkout of this repository")
    require_wrk()
    contenders = [contender for contender in CONTENDERS if not chosen.only or contender.name in chosen.only]
    if chosen.baseline:
        contenders = with_baseline(contenders, chosen.baseline.resolve())
    console = Console(stderr=True)
    results = measure_all(contenders, chosen.dataset, chosen.rounds, chosen.seconds, console)
    if chosen.only:
        for load in LOADS:
            print(f"\n{load}\n{comparison(results, load)}")
        return 0
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_report(results)
    console.print("wrote benchmarks/results.json and docs/performance.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
