"""Four times as many requests as the service can answer, whether or not it answers: what is lost, and what is not.

Measures the peak in a closed loop, then sends four times as many requests a second for 20 s, and asks for health and
metrics meanwhile. Writes benchmarks/overload.json; ends with 1 if something is worse than it has to be.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from app.settings import Settings
from benchmarks.contenders import predict_body
from benchmarks.environments import ROOT
from benchmarks.load import drive, require_wrk
from benchmarks.open_loop import open_loop, result_of
from benchmarks.processes import Running, running
from benchmarks.report import Requirement, at_least, at_most
from benchmarks.samples import sample_reviews, write_bodies

RESULTS = ROOT / "benchmarks/overload.json"
TIMES = 4
"""The load, as a multiple of the peak."""

REVIEWS = 64
"""A request. With few reviews a request, reading those that are refused takes a noticeable part of the one core."""

MAX_WAITING = Settings.model_fields["max_waiting"].default


def service(runtime: str) -> Any:
    """Run one worker with warm caches; a context manager that gives a `Running`."""
    variables = {"SENTIMENT_RUNTIME": runtime, "SENTIMENT_DRAIN": "0", "SENTIMENT_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "app"]
    return running(command, variables, ("/predict", predict_body(["warm"]).encode()), "SENTIMENT_PORT")


def latencies_of(url: str, path: str, until: float) -> list[float]:
    """Ask for a path four times a second, until a moment of `time.monotonic`; each answer has to be 200."""
    address = urlsplit(url).netloc
    taken = []
    while time.monotonic() < until:
        started = time.monotonic()
        connection = HTTPConnection(address, timeout=30)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        assert status == HTTPStatus.OK, f"{path} answers {status}"
        taken.append(time.monotonic() - started)
        time.sleep(0.25)
    return sorted(taken)


def seconds_to_recover(server: Running, body: bytes) -> float:
    """How long it takes until a request is answered with success again."""
    started = time.monotonic()
    while True:
        connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        if status == HTTPStatus.OK:
            return time.monotonic() - started
        time.sleep(0.01)


def overload(runtime: str, reviews: Sequence[str], seconds: float) -> dict[str, Any]:
    """Measure one worker; returns what happened."""
    with tempfile.TemporaryDirectory() as folder, service(runtime) as server, ThreadPoolExecutor(2) as asking:
        bodies = Path(folder) / "bodies.jsonl"
        write_bodies(bodies, predict_body, reviews, REVIEWS)
        url = f"{server.url}/predict"
        drive(url, bodies, 8, 2)
        peak_load = drive(url, bodies, 8, max(int(seconds / 4), 1))
        peak = peak_load.requests / peak_load.seconds
        memory = server.usage().memory
        until = time.monotonic() + seconds
        asked = [asking.submit(latencies_of, server.url, path, until) for path in ("/health/ready", "/metrics")]
        loop = result_of(open_loop(url, bodies, TIMES * peak, seconds))
        recovery = seconds_to_recover(server, predict_body(reviews[:1]).encode())
        health, metrics = (future.result() for future in asked)
        return {
            "peak": peak,
            "seconds": seconds,
            "open loop": loop,
            "recovery": recovery,
            "health p99": health[int(len(health) * 0.99)],
            "metrics p99": metrics[int(len(metrics) * 0.99)],
            "memory": memory,
            "memory after": server.usage().memory,
        }


def requirements(result: dict[str, Any]) -> list[Requirement]:
    """What an overload may do, with what it did."""
    loop = result["open loop"]
    accepted, refused = loop["answers"]["200"], loop["answers"]["503"]
    others = loop["sent"] + loop["unsent"] - accepted["count"] - refused["count"]
    bound = 2 * MAX_WAITING / (result["peak"] * REVIEWS) + 0.05
    return [
        at_least("answered with success, times the peak", accepted["count"] / loop["seconds"] / result["peak"], 0.9),
        at_most("those: 99th percentile of the latency", accepted["p99"] * 1000, round(bound * 1000), " ms"),
        at_most("refused: median latency", refused["p50"] * 1000, 50, " ms"),
        at_most("neither answered nor refused", others, 0),
        at_most("until requests are answered again", result["recovery"], 2, " s"),
        at_most("memory afterwards, times that before", result["memory after"] / result["memory"], 1.2),
        at_most("/health/ready meanwhile: 99th percentile", result["health p99"] * 1000, 250, " ms"),
        at_most("/metrics meanwhile: 99th percentile", result["metrics p99"] * 1000, 250, " ms"),
    ]


def show(console: Console, title: str, shown: Sequence[Requirement]) -> bool:
    """Print requirements; returns whether all are met."""
    table = Table("", "measured", "has to be", "", title=title)
    for requirement in shown:
        table.add_row(requirement.what, requirement.measured, requirement.bound, "yes" if requirement.met else "no")
    console.print(table)
    return all(requirement.met for requirement in shown)


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=20, help="length of the overload (default: 20)")
    chosen = options.parse_args()
    require_wrk()
    console = Console()
    reviews = sample_reviews(chosen.dataset)
    results, met = {}, True
    for runtime in ("litert", "tensorflow"):
        with console.status(f"{runtime}: {TIMES} times the peak for {chosen.seconds:g} s"):
            results[runtime] = overload(runtime, reviews, chosen.seconds)
        title = f"{runtime}, one worker, {REVIEWS} reviews a request"
        met = show(console, title, requirements(results[runtime])) and met
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
