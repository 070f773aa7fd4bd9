"""More work than one worker can do: too many predictions, and explanations beside predictions.

Overload: 200 clients send 32 reviews per request, and try again at once when they are refused. Fairness: 32 clients
predict one review per request while 8 clients explain long reviews. Prints a table and writes benchmarks/overload.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Column, Table

from benchmarks.contenders import ONE_WORKER, predict_body, with_baseline
from benchmarks.environments import ROOT, environment
from benchmarks.loops import closed_loop, result_of
from benchmarks.samples import sample_reviews, write_bodies

RESULTS = ROOT / "benchmarks/overload.json"
CLIENTS = 200
REVIEWS = 32
"""Per request."""
PEAK_CLIENTS = 8
"""Enough to keep a worker busy without any refusal."""
PREDICTING, EXPLAINING = 32, 8
"""Clients of the fairness measurement."""


def overload(url: str, folder: Path, reviews: Sequence[str], seconds: float) -> dict[str, float]:
    """Measure a service's peak, then what it does under overload; latencies are in seconds."""
    bodies = folder / "overload.jsonl"
    write_bodies(bodies, predict_body, reviews, REVIEWS)
    path = f"{url}/predict"
    result_of(closed_loop(path, bodies, PEAK_CLIENTS, 2))  # warms up
    peak = result_of(closed_loop(path, bodies, PEAK_CLIENTS, seconds / 2))
    loaded = result_of(closed_loop(path, bodies, CLIENTS, seconds))
    recovery = seconds_to_recover(path, {"reviews": reviews[:1]})
    answers = loaded["answers"]
    accepted, total = answers["200"], sum(answer["count"] for answer in answers.values())
    refused = answers["503"]["count"] if "503" in answers else 0
    return {
        "peak": _rate(peak) * REVIEWS,
        "share_of_peak": _rate(loaded) / _rate(peak),
        "accepted_p99": accepted["p99"],
        "share_refused": refused / total,
        "failed": total - accepted["count"] - refused,
        "recovery": recovery,
    }


def fairness(url: str, folder: Path, reviews: Sequence[str], seconds: float) -> dict[str, float]:
    """Measure predictions with and without explanations beside them; latencies are in seconds."""
    short, long = folder / "predict.jsonl", folder / "explain.jsonl"
    write_bodies(short, predict_body, reviews, 1)
    write_bodies(long, predict_body, sorted(reviews, key=len)[-EXPLAINING:], 1)
    result_of(closed_loop(f"{url}/predict", short, PREDICTING, 2))  # warms up
    alone = result_of(closed_loop(f"{url}/predict", short, PREDICTING, seconds / 2))
    explaining = closed_loop(f"{url}/explain", long, EXPLAINING, seconds)
    beside = result_of(closed_loop(f"{url}/predict", short, PREDICTING, seconds))
    explanations = result_of(explaining)["answers"].get("200", {"count": 0, "p50": float("nan")})
    predictions = beside["answers"]
    return {
        "alone": _rate(alone),
        "alone_p99": alone["answers"]["200"]["p99"],
        "beside": _rate(beside),
        "beside_p50": predictions["200"]["p50"],
        "beside_p99": predictions["200"]["p99"],
        "not_answered": sum(answer["count"] for status, answer in predictions.items() if status != "200"),
        "explanations": explanations["count"],
        "explanations_p50": explanations["p50"],
    }


def _rate(load: dict[str, Any]) -> float:
    """Successful requests per second."""
    return float(load["answers"]["200"]["count"] / load["seconds"])


def seconds_to_recover(url: str, body: dict[str, Any]) -> float:
    """Send single requests until one succeeds; returns how long that took."""
    with httpx.Client(timeout=30) as client:
        started = time.perf_counter()
        while client.post(url, json=body).status_code != HTTPStatus.OK:
            time.sleep(0.01)
        return time.perf_counter() - started


def table(results: dict[str, dict[str, Any]]) -> Table:
    """One column per service."""
    rows = [
        (f"overload: {CLIENTS} clients, {REVIEWS} reviews per request", "", "", ""),
        ("  peak throughput, reviews/s", "overload", "peak", "{:,.0f}"),
        ("  throughput of accepted requests, × peak", "overload", "share_of_peak", "{:.2f}"),
        ("  99th percentile of their latency", "overload", "accepted_p99", "{:.3f} s"),
        ("  requests refused with 503", "overload", "share_refused", "{:.0%}"),
        ("  requests that failed otherwise", "overload", "failed", "{:,}"),
        ("  until a single request succeeds afterwards", "overload", "recovery", "{:.3f} s"),
        (f"fairness: {PREDICTING} clients predict, {EXPLAINING} clients explain", "", "", ""),
        ("  predictions/s without explanations", "fairness", "alone", "{:,.0f}"),
        ("  99th percentile of their latency", "fairness", "alone_p99", "{:.3f} s"),
        ("  predictions/s beside explanations", "fairness", "beside", "{:,.0f}"),
        ("  median of their latency", "fairness", "beside_p50", "{:.3f} s"),
        ("  99th percentile of their latency", "fairness", "beside_p99", "{:.3f} s"),
        ("  predictions refused or failed", "fairness", "not_answered", "{:,}"),
        ("  explanations finished", "fairness", "explanations", "{:,}"),
        ("  median of their latency", "fairness", "explanations_p50", "{:.3f} s"),
    ]
    shown = Table(Column(no_wrap=True), *results)
    for title, part, key, style in rows:
        cells = [style.format(result[part][key]) for result in results.values()] if key else []
        shown.add_row(title, *cells, style="" if key else "bold")
    return shown


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=10, help="duration of each load (default: 10)")
    options.add_argument("--runtime", nargs="+", choices=ONE_WORKER, default=list(ONE_WORKER), help="default: both")
    options.add_argument("--baseline", type=Path, metavar="DIR", help="another checkout of this repository")
    chosen = options.parse_args()
    console = Console()
    reviews = sample_reviews(chosen.dataset)
    services = [ONE_WORKER[runtime] for runtime in chosen.runtime]
    if chosen.baseline:
        services = with_baseline(services, chosen.baseline.resolve())
    results = {}
    for service in services:
        python = environment(service.root / service.requirements, console, service.root)
        status = console.status(f"measuring {service.name}")
        quiet = replace(service, settings={**service.settings, "SENTIMENT_LOG_LEVEL": "error"})
        with status, tempfile.TemporaryDirectory() as folder, quiet.run(python) as server:
            results[service.name] = {
                "overload": overload(server.url, Path(folder), reviews, chosen.seconds),
                "fairness": fairness(server.url, Path(folder), reviews, chosen.seconds),
            }
    console.print(table(results))
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
