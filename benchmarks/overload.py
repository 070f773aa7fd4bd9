"""More work than one worker can do: too many predictions, and explanations beside predictions.

Overload: 200 clients send 32 reviews per request, and try again at once when they are rejected. Fairness: 32 clients
predict one review per request while 8 clients explain long reviews. Explanations: 1 to 16 clients ask for the largest
explanation, and try again at once when they are rejected, while 4 clients predict one review per request. Prints a
table and writes benchmarks/overload.json.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.contenders import ONE_WORKER, predict_body
from benchmarks.environments import ROOT, environment
from benchmarks.loops import closed_loop, result_of
from benchmarks.samples import sample_reviews, write_bodies

RESULTS = ROOT / "benchmarks/overload.json"
REVIEWS = 32
"""Reviews per request of the overload."""
PEAK_CLIENTS = 8
"""Clients that keep a worker busy without being rejected."""
CLIENTS = 200
PREDICTING, EXPLAINING = 32, 8
"""Clients of the fairness measurement."""
LARGEST = 8, 15_000
"""Reviews of the largest explanation, and characters of each."""
EXPLAINING_LARGEST = 1, 4, 8, 16
"""Clients of the measurement of explanations."""
Result = dict[str, float]


def overload(url: str, folder: Path, reviews: Sequence[str], seconds: float) -> Result:
    """Measure a service's peak, then its behaviour under overload."""
    bodies = write_bodies(folder / "overload.jsonl", predict_body, reviews, REVIEWS)
    path = f"{url}/predict"
    result_of(closed_loop(path, bodies, PEAK_CLIENTS, 2))  # warms up
    peak = result_of(closed_loop(path, bodies, PEAK_CLIENTS, seconds / 2))
    loaded = result_of(closed_loop(path, bodies, CLIENTS, seconds))
    with httpx.Client(timeout=30) as client:
        ended = time.perf_counter()
        while client.post(path, json={"reviews": reviews[:1]}).status_code != HTTPStatus.OK:
            time.sleep(0.01)
        recovery = time.perf_counter() - ended
    counts = {status: answer["count"] for status, answer in loaded["answers"].items()}
    peak_rate, rate = (load["answers"]["200"]["count"] / load["seconds"] for load in (peak, loaded))
    return {
        "peak, reviews/s": peak_rate * REVIEWS,
        "throughput of accepted requests under overload, × peak": rate / peak_rate,
        "99th percentile of their latency, s": loaded["answers"]["200"]["p99"],
        "share of requests rejected with 503": counts.get("503", 0) / sum(counts.values()),
        "requests that failed otherwise": sum(counts.values()) - counts["200"] - counts.get("503", 0),
        "until a single request succeeds afterwards, s": recovery,
    }


def fairness(url: str, folder: Path, reviews: Sequence[str], seconds: float) -> Result:
    """Measure predictions with and without explanations beside them."""
    short = write_bodies(folder / "predict.jsonl", predict_body, reviews, 1)
    long = write_bodies(folder / "explain.jsonl", predict_body, sorted(reviews, key=len)[-EXPLAINING:], 1)
    result_of(closed_loop(f"{url}/predict", short, PREDICTING, 2))  # warms up
    alone = result_of(closed_loop(f"{url}/predict", short, PREDICTING, seconds / 2))
    explaining = closed_loop(f"{url}/explain", long, EXPLAINING, seconds)
    beside = result_of(closed_loop(f"{url}/predict", short, PREDICTING, seconds))
    explanations = result_of(explaining)["answers"].get("200", {"count": 0, "p50": float("nan")})
    accepted, accepted_beside = alone["answers"]["200"], beside["answers"]["200"]
    return {
        "predictions/s without explanations": accepted["count"] / alone["seconds"],
        "99th percentile of their latency without explanations, s": accepted["p99"],
        "predictions/s beside explanations": accepted_beside["count"] / beside["seconds"],
        "median of their latency beside explanations, s": accepted_beside["p50"],
        "99th percentile of their latency beside explanations, s": accepted_beside["p99"],
        "predictions rejected or failed": sum(one["count"] for one in beside["answers"].values())
        - accepted_beside["count"],
        "explanations finished": explanations["count"],
        "median of their latency, s": explanations["p50"],
    }


def explanations(url: str, folder: Path, reviews: Sequence[str], seconds: float) -> Result:
    """Measure how many of the largest explanations finish, and predictions beside them."""
    count, characters = LARGEST
    words = " ".join(dict.fromkeys(" ".join(reviews).split()))
    largest = write_bodies(folder / "largest.jsonl", predict_body, [words[:characters]] * count, count)
    short = write_bodies(folder / "predict.jsonl", predict_body, reviews, 1)
    results: Result = {}
    alone = 0.0
    for clients in EXPLAINING_LARGEST:
        explaining = closed_loop(f"{url}/explain", largest, clients, 2 * seconds)
        beside = result_of(closed_loop(f"{url}/predict", short, PREDICTING // 8, 2 * seconds))
        load = result_of(explaining)
        counts = {status: answer["count"] for status, answer in load["answers"].items()}
        rate = counts.get("200", 0) / load["seconds"]
        alone = alone or rate
        title = f"largest explanations, {clients} clients"
        results |= {
            f"{title}: finished/s": rate,
            f"{title}: finished, × 1 client": rate / alone,
            f"{title}: rejected with 503": counts.get("503", 0),
            f"{title}: failed otherwise": sum(counts.values()) - counts.get("200", 0) - counts.get("503", 0),
            f"{title}: 99th percentile of predictions beside them, s": beside["answers"]["200"]["p99"],
        }
    return results


def main() -> None:
    """Measure, print and write."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=10, help="duration of each load (default: 10)")
    chosen = options.parse_args()
    console = Console()
    with Progress(console=console, transient=True) as progress:
        reviews = sample_reviews(chosen.dataset, progress)
    results: dict[str, Result] = {}
    for service in ONE_WORKER.values():
        python = environment(ROOT / service.requirements, console)
        quiet = replace(service, settings={**service.settings, "SENTIMENT_LOG_LEVEL": "error"})
        status = console.status(f"measuring {service.name}")
        with status, tempfile.TemporaryDirectory() as folder, quiet.run(python) as server:
            load = (server.url, Path(folder), reviews, chosen.seconds)
            results[service.name] = overload(*load) | fairness(*load) | explanations(*load)
    table = Table("", *results)
    for row in next(iter(results.values())):
        table.add_row(row, *(f"{round(result[row], 3):,}" for result in results.values()))
    console.print(table)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
