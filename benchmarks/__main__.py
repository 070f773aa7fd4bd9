"""Compare the service with its peers and the ceiling; write benchmarks/results.json and performance.md in the docs.

Every server runs in its own environment, gets the same real test reviews from wrk, and is started anew in each round.
Rounds are interleaved, so that drift of the machine affects all servers alike. Keep the machine idle otherwise.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from benchmarks.contenders import CONTENDERS, ONE_WORKER, PEERS, Contender, predict_body, with_baseline
from benchmarks.environments import ROOT, environment
from benchmarks.load import drive
from benchmarks.report import comparison, write_report
from benchmarks.samples import sample_reviews, write_bodies
from benchmarks.stall import stall

RESULTS = ROOT / "benchmarks/results.json"

LOADS = {"1": (1, 1), "32": (32, 1), "128": (128, 1), "batches of 64": (4, 64)}
"""Load -> connections, reviews per request."""

LARGEST = 128
"""Reviews in the largest request that the service accepts by default."""

WARM_UP = 2
"""Seconds of load before anything is measured."""


def measure(contender: Contender, python: Path, bodies: Mapping[int, Path], review: str, seconds: int) -> Any:
    """Start a server, measure it under every load, and stop it."""
    loads = {}
    with contender.run(python, review) as server:
        url = server.url + contender.path
        drive(url, bodies[1], 32, WARM_UP)
        for name, (connections, size) in LOADS.items():
            _, before = server.usage()
            load = drive(url, bodies[size], connections, seconds)
            memory, after = server.usage()
            reviews = load["requests"] * size
            loads[name] = {
                "reviews_a_second": reviews / load["seconds"],
                "p50": load["p50"],
                "p99": load["p99"],
                "cpu_a_thousand": (after - before) / reviews * 1000,
                "failed": load["failed"],
            }
    return {"cold_start": server.cold_start, "memory": memory, "loads": loads}


def measure_stages(python: Path, reviews: Path, runtime: str) -> Any:
    """Run `benchmarks.stages` in the environment of its runtime."""
    command = [str(python), "-m", "benchmarks.stages", runtime, str(reviews)]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def measure_stall(contender: Contender, python: Path, reviews: Sequence[str], folder: Path, seconds: int) -> Any:
    """Start the service and measure how the largest requests affect others."""
    large = write_bodies(folder / "largest.jsonl", predict_body, reviews[:LARGEST], LARGEST)
    with contender.run(python, reviews[0]) as server:
        drive(server.url + contender.path, large, 1, WARM_UP)
        return stall(server.url, reviews[0], large, seconds)


def machine() -> dict[str, Any]:
    """Describe this machine."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return {
        "processor": next((line.split(": ")[1] for line in lines if "model name" in line), platform.processor()),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def measure_all(contenders: Sequence[Contender], reviews: Sequence[str], rounds: int, seconds: int) -> dict[str, Any]:
    """Measure every server in every round; returns the results."""
    console = Console(stderr=True)
    pythons = {one.name: environment(one.root / one.requirements, console, one.root) for one in contenders}
    measured: dict[str, list[Any]] = {contender.name: [] for contender in contenders}
    stages: defaultdict[str, list[Any]] = defaultdict(list)
    stalls: defaultdict[str, list[Any]] = defaultdict(list)
    with (
        Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress,
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        sample = folder / "reviews.json"
        sample.write_text(json.dumps(reviews))
        bodies = {
            body: {size: write_bodies(folder / f"{body.__name__}-{size}", body, reviews, size) for size in (1, 64)}
            for body in {contender.body for contender in contenders}
        }
        task = progress.add_task("", total=rounds * len(contenders))
        for _ in range(rounds):
            for contender in contenders:
                progress.update(task, description=contender.name)
                python = pythons[contender.name]
                run = measure(contender, python, bodies[contender.body], reviews[0], seconds)
                measured[contender.name].append(run)
                for runtime, one_worker in ONE_WORKER.items():
                    if contender == one_worker:
                        stages[runtime].append(measure_stages(python, sample, runtime))
                        stalls[runtime].append(measure_stall(contender, python, reviews, folder, seconds))
                progress.advance(task)
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rounds": rounds,
        "seconds": seconds,
        "versions": {contender.name: _version(contender) for contender in contenders if contender in PEERS},
        "contenders": measured,
        "inside": stages,
        "stall": stalls,
    }


def _version(contender: Contender) -> str:
    """The pinned version of a peer's own package."""
    path = contender.root / contender.requirements
    package = path.stem.partition("_")[0]
    return next(line for line in path.read_text().splitlines() if line.startswith(package))


def main() -> None:
    """Measure, and write or print the results."""
    names = [contender.name for contender in CONTENDERS]
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, help="archives or folders of raw reviews")
    options.add_argument("--rounds", type=int, default=3, help="how often each server is measured (default: 3)")
    options.add_argument("--seconds", type=int, default=3, help="duration of each load (default: 3)")
    options.add_argument("--baseline", type=Path, metavar="DIR", help="another checkout of this repository to compare")
    options.add_argument(
        "--only", nargs="+", choices=names, metavar="NAME", help="measure these servers, print tables, write nothing"
    )
    options.add_argument("--report", action="store_true", help="write the page from the existing results")
    chosen = options.parse_args()
    if chosen.report:
        write_report(json.loads(RESULTS.read_text()))
        return
    if not chosen.dataset:
        options.error("--dataset is required")
    if shutil.which("wrk") is None:
        options.error("wrk is not installed; install it with `apt-get install wrk` or `brew install wrk`")
    contenders = [contender for contender in CONTENDERS if contender.name in (chosen.only or names)]
    if chosen.baseline:
        contenders = with_baseline(contenders, chosen.baseline.resolve())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        reviews = sample_reviews(chosen.dataset, progress)
    results = measure_all(contenders, reviews, chosen.rounds, chosen.seconds)
    if chosen.only:
        for load in LOADS:
            print(f"\n{load}\n{comparison(results, load)}")
    else:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        write_report(results)


if __name__ == "__main__":
    main()
