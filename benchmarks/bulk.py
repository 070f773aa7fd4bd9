"""How fast files are scored: with one worker and with two, in processes of this machine and on Ray.

Writes benchmarks/bulk.json and the table in docs/bulk.md. Rounds are interleaved, so that a drift of the machine meets
everyone. Keep the machine quiet meanwhile; it takes some four minutes.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from benchmarks.__main__ import machine
from benchmarks.environments import ROOT, environment
from benchmarks.ray_cluster import LOOPBACK, cluster
from training.archive import read_reviews

RESULTS = ROOT / "benchmarks/bulk.json"
DOCUMENT = ROOT / "docs/bulk.md"
BEGIN, END = "<!-- made by `make bulk-bench` -->", "<!-- end -->"

ROUNDS = 3
CHUNK_ROWS = 1000
"""Small, so that two workers end at about the same time."""
TIMES = {"litert": 4, "tensorflow": 3, "ray": 6}
"""How often the 25,000 test reviews stand in the file."""
Results = dict[str, Any]


def write_input(path: Path, texts: Sequence[str], times: int) -> Path:
    """Write a CSV file with each text so many times."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "review"])
        writer.writerows([i, text] for i, text in enumerate(list(texts) * times))
    return path


def measure(python: Path | str, source: Path, folder: Path, *options: str) -> dict[str, Any]:
    """Run a job; returns what it says of its run.

    Raises:
        SystemExit: It failed; its message was printed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as output:
        command = [python, "-m", "app.bulk", source, output, "--chunk-rows", str(CHUNK_ROWS), "--json", *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")} | LOOPBACK
        done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise SystemExit(f"the job failed with exit code {done.returncode}; its message is above")
        run: dict[str, Any] = json.loads(done.stdout)["run"]
        return run


def measure_all(dataset: Sequence[Path], console: Console) -> Results:
    """Measure every set-up; returns runs by place, runtime and workers."""
    with Progress(console=console, transient=True) as progress:
        texts = [review.text for review in read_reviews(dataset, progress) if review.split == "test"]
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tempfile.TemporaryDirectory(prefix="sentiment-bulk-") as folder:
        sources = {name: write_input(Path(folder, f"{name}.csv"), texts, times) for name, times in TIMES.items()}
        for number in range(ROUNDS):
            for runtime in ("litert", "tensorflow"):
                for workers in ("1", "2"):
                    console.print(f"round {number + 1}: {runtime}, {workers} worker(s)")
                    run = measure(
                        sys.executable, sources[runtime], Path(folder), "--runtime", runtime, "--workers", workers
                    )
                    runs.setdefault(f"processes, {runtime}", {}).setdefault(workers, []).append(run)
        python = environment(ROOT / "requirements/ray.txt", console)
        for workers in ("1", "2"):
            console.print(f"Ray, {workers} node(s)")
            with cluster(python, int(workers)) as ray:
                for _ in range(2):
                    run = measure(
                        python, sources["ray"], Path(folder), "--runtime", "litert", "--workers", workers, "--ray",
                        ray.address,
                    )  # fmt: skip
                    runs.setdefault("Ray, litert", {}).setdefault(workers, []).append(run)
    return {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "reviews": len(texts),
        "rounds": ROUNDS,
        "runs": runs,
    }


def table(results: Results) -> str:
    """What a person who plans a job has to know, in Markdown."""
    lines = [
        "| workers are | reviews/s of one | of two | two, times one | reviews a second of processor | memory of one |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for place, runs in results["runs"].items():
        one, two = (
            statistics.median(float(run["reviews_a_second"]) for run in runs[workers]) for workers in ("1", "2")
        )
        pairs = zip(runs["1"], runs["2"], strict=True)
        scaling = statistics.median(b["reviews_a_second"] / a["reviews_a_second"] for a, b in pairs)
        core = statistics.median(float(run["reviews_a_cpu_second"]) for run in runs["1"])
        memory = max(run["memory_of_a_worker"] for workers in runs.values() for run in workers)
        lines.append(f"| {place} | {one:,.0f} | {two:,.0f} | {scaling:.2f} | {core:,.0f} | {memory / 1e6:,.0f} MB |")
    on = results["machine"]
    lines += [
        "",
        f"Measured on {results['measured']}, on {on['cores']} cores of {on['processor']}, Python {on['python']}: the "
        f"{results['reviews']:,} IMDB test reviews, several times over, in one CSV file; medians of "
        f"{results['rounds']} interleaved rounds (two on Ray, whose nodes have one core each). Speed is that while all "
        "workers work, without their start.",
    ]
    return "\n".join(lines)


def write_table(results: Results) -> None:
    """Put the table into the document."""
    before, rest = DOCUMENT.read_text().split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}")


def main() -> None:
    """Measure and write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    chosen = options.parse_args()
    results = measure_all(chosen.dataset, Console(stderr=True))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_table(results)
    print(table(results))


if __name__ == "__main__":
    main()
