"""Measure how fast files are scored, with one worker and with two, in processes of this machine and on Ray.

Writes benchmarks/bulk.json and the table in docs/reference/bulk.md. Rounds are interleaved, so that the machine's
drift affects all alike. Keep the machine quiet meanwhile; it takes about four minutes.
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
DOCUMENT = ROOT / "docs/reference/bulk.md"
BEGIN, END = "<!-- made by `make bulk-bench` -->", "<!-- end -->"

ROUNDS = 3
COPIES = {"numpy": 4, "tensorflow": 3, "ray": 6}
"""How often the 25,000 test reviews occur in the file."""
Results = dict[str, Any]


def write_input(path: Path, texts: Sequence[str], copies: int) -> Path:
    """Write a CSV file that contains each text several times."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "review"])
        writer.writerows([i, text] for i, text in enumerate(list(texts) * copies))
    return path


def measure(python: Path | str, source: Path, *options: str) -> dict[str, Any]:
    """Run a job; returns the facts about its run.

    Raises:
        SystemExit: It failed; its message was printed.
    """
    output = source.with_name("scored.csv")
    command = [python, "-m", "app", "bulk", source, output, "--overwrite", "--json", *options]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")} | LOOPBACK
    done = subprocess.run(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"the job failed with exit code {done.returncode}; its message is above")
    run: dict[str, Any] = json.loads(done.stdout)["run"]
    return run


def measure_all(dataset: Sequence[Path], console: Console) -> Results:
    """Measure every setup; returns runs by place, runtime and workers."""
    with Progress(console=console, transient=True) as progress:
        texts = [review.text for review in read_reviews(dataset, progress) if review.split == "test"]
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with tempfile.TemporaryDirectory(prefix="sentiment-bulk-") as folder:
        sources = {name: write_input(Path(folder, f"{name}.csv"), texts, copies) for name, copies in COPIES.items()}
        for number in range(ROUNDS):
            for runtime in ("numpy", "tensorflow"):
                for workers in ("1", "2"):
                    console.print(f"round {number + 1}: {runtime}, {workers} worker(s)")
                    run = measure(sys.executable, sources[runtime], "--runtime", runtime, "--workers", workers)
                    runs.setdefault(f"processes, {runtime}", {}).setdefault(workers, []).append(run)
        python = environment(ROOT / "requirements/ray.txt", console)
        for workers in ("1", "2"):
            console.print(f"Ray, {workers} node(s)")
            with cluster(python, int(workers)) as ray:
                for _ in range(2):
                    run = measure(
                        python, sources["ray"], "--runtime", "numpy", "--workers", workers, "--ray", ray.address
                    )
                    runs.setdefault("Ray, numpy", {}).setdefault(workers, []).append(run)
    return {
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "reviews": len(texts),
        "rounds": ROUNDS,
        "runs": runs,
    }


def table(results: Results) -> str:
    """The results in Markdown."""
    lines = [
        "| workers | reviews/s, one worker | two workers | ratio | memory of the main process |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for place, runs in results["runs"].items():
        one, two = (statistics.median(run["rows_per_second"] for run in runs[workers]) for workers in ("1", "2"))
        pairs = zip(runs["1"], runs["2"], strict=True)
        scaling = statistics.median(b["rows_per_second"] / a["rows_per_second"] for a, b in pairs)
        memory = max(run["memory"] for several in runs.values() for run in several)
        lines.append(f"| {place} | {one:,.0f} | {two:,.0f} | {scaling:.2f} | {memory / 1e6:,.0f} MB |")
    on = results["machine"]
    lines += [
        "",
        f"Measured on {results['measured']} on {on['cores']} cores of {on['processor']}, Python {on['python']}.",
        f"Medians of {results['rounds']} interleaved rounds (two on Ray, whose nodes have one core each) with copies",
        f"of the {results['reviews']:,} IMDB test reviews in one CSV file, without the time to load the model.",
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
    sys.stdout.write(f"{table(results)}\n")


if __name__ == "__main__":
    main()
