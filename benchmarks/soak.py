"""Ten minutes at 70 % of the peak: errors, memory and file descriptors.

Measures the peak in a closed loop, then sends 70 % of it at a fixed rate. Compares memory after the first fifth, when
caches have filled, with memory at the end. Prints a table and writes benchmarks/soak.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import ONE_WORKER, predict_body
from benchmarks.environments import ROOT
from benchmarks.loops import closed_loop, open_loop, result_of
from benchmarks.samples import sample_reviews, write_bodies

RESULTS = ROOT / "benchmarks/soak.json"
SHARE = 0.7
"""Of the peak."""

REVIEWS = 8
"""Per request."""


def soak(runtime: str, reviews: Sequence[str], seconds: float) -> dict[str, Any]:
    """Put one worker under load; returns the result."""
    with tempfile.TemporaryDirectory() as folder, ONE_WORKER[runtime].run() as server:
        bodies = Path(folder) / "bodies.jsonl"
        write_bodies(bodies, predict_body, reviews, REVIEWS)
        url = f"{server.url}/predict"
        result_of(closed_loop(url, bodies, 16, 2))  # warms up
        peak = result_of(closed_loop(url, bodies, 16, 3))
        rate = SHARE * peak["answers"]["200"]["count"] / peak["seconds"]
        process = psutil.Process(server.process.pid)
        files = process.num_fds()
        samples: list[tuple[float, int]] = []
        started = time.monotonic()
        load = open_loop(url, bodies, rate, seconds)
        while load.poll() is None:
            samples.append((time.monotonic() - started, server.usage().memory))
            time.sleep(min(1, seconds / 50))
        loop = result_of(load)
        time.sleep(1)  # the server notices that the connections are closed
        settled = [memory for moment, memory in samples if moment > seconds / 5]
        return {
            "seconds": seconds,
            "rate": rate,
            "open loop": loop,
            "memory settled": settled[0],
            "memory after": server.usage().memory,
            "files": files,
            "files after": process.num_fds(),
        }


def table(runtime: str, result: dict[str, Any]) -> Table:
    """What changed during the run."""
    loop = result["open loop"]
    growth = result["memory after"] / result["memory settled"] - 1
    shown = Table("", "", title=f"{runtime}, one worker, {result['rate']:.0f} requests/s of {REVIEWS} reviews")
    shown.add_row("requests", f"{loop['sent'] + loop['unsent']:,}")
    shown.add_row("not answered with 200", f"{loop['sent'] + loop['unsent'] - loop['answers']['200']['count']:,}")
    shown.add_row("99th percentile of the latency", f"{loop['answers']['200']['p99'] * 1000:.1f} ms")
    shown.add_row("memory growth", f"{growth:.1%}")
    shown.add_row("open files before and after", f"{result['files']}, {result['files after']}")
    return shown


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    options.add_argument("--runtime", choices=ONE_WORKER, default="tensorflow", help="default: tensorflow")
    chosen = options.parse_args()
    console = Console()
    reviews = sample_reviews(chosen.dataset)
    with console.status(f"{chosen.runtime}: {SHARE:.0%} of the peak for {chosen.seconds:g} s"):
        result = soak(chosen.runtime, reviews, chosen.seconds)
    console.print(table(chosen.runtime, result))
    RESULTS.write_text(json.dumps({chosen.runtime: result}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
