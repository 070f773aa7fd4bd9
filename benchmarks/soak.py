"""Ten minutes at 70 % of the peak: errors, memory and file descriptors.

Measures the peak in a closed loop, then sends 70 % of that at a fixed rate, whatever comes back. Memory is compared
after the first fifth, when caches have filled, and at the end. Writes benchmarks/soak.json; ends with 1 if something
grew or failed.
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

from benchmarks.contenders import predict_body
from benchmarks.environments import ROOT
from benchmarks.load import drive, require_wrk
from benchmarks.open_loop import open_loop, result_of
from benchmarks.overload import service, show
from benchmarks.report import Requirement, at_most
from benchmarks.samples import sample_reviews, write_bodies

RESULTS = ROOT / "benchmarks/soak.json"
SHARE = 0.7
"""Of the peak."""

REVIEWS = 8
"""A request."""


def soak(runtime: str, reviews: Sequence[str], seconds: float) -> dict[str, Any]:
    """Load one worker; returns what happened."""
    with tempfile.TemporaryDirectory() as folder, service(runtime) as server:
        bodies = Path(folder) / "bodies.jsonl"
        write_bodies(bodies, predict_body, reviews, REVIEWS)
        url = f"{server.url}/predict"
        drive(url, bodies, 16, 2)
        peak_load = drive(url, bodies, 16, 3)
        rate = SHARE * peak_load.requests / peak_load.seconds
        process = psutil.Process(server.process.pid)
        files = process.num_fds()
        samples: list[tuple[float, int]] = []
        started = time.monotonic()
        load = open_loop(url, bodies, rate, seconds)
        while load.poll() is None:
            samples.append((time.monotonic() - started, server.usage().memory))
            time.sleep(min(1, seconds / 50))
        loop = result_of(load)
        time.sleep(1)  # the load's connections are closed now
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


def requirements(result: dict[str, Any]) -> list[Requirement]:
    """What may change in the long run, with what did."""
    loop = result["open loop"]
    growth = (result["memory after"] / result["memory settled"] - 1) * 100
    return [
        at_most("requests that were not answered with 200", loop["sent"] - loop["answers"]["200"]["count"], 0),
        at_most("growth of the memory", growth, 2, " %"),
        at_most("more open files than before", result["files after"] - result["files"], 0),
    ]


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    options.add_argument("--runtime", default="tensorflow", help="tensorflow (the default) or litert")
    chosen = options.parse_args()
    require_wrk()
    console = Console()
    reviews = sample_reviews(chosen.dataset)
    with console.status(f"{chosen.runtime}: {SHARE:.0%} of the peak for {chosen.seconds:g} s"):
        result = soak(chosen.runtime, reviews, chosen.seconds)
    title = f"{chosen.runtime}, one worker, {result['rate']:.0f} requests/s of {REVIEWS} reviews"
    met = show(console, title, requirements(result))
    RESULTS.write_text(json.dumps({chosen.runtime: result}, indent=1) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
