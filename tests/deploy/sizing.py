"""The replicas that a load needs, and their memory, from benchmarks/results.json; kubernetes.md shows them."""

import json
import math
from typing import Any

from app.settings import Settings
from benchmarks.report import ratio, typical
from tests.servers import ROOT

DOCUMENT = ROOT / "docs/how-to/kubernetes.md"
BEGIN, END = "<!-- replicas -->", "<!-- end -->"
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())

RUNTIMES = ("numpy", "tensorflow")
LOADS = {"one per request": "32", "64 per request": "batches of 64"}
"""Reviews per request -> the measured load."""
THROUGHPUTS = (1_000, 5_000, 10_000, 25_000, 50_000, 100_000)
"""Reviews per second."""
UTILISATION = 0.65
"""Share of a worker's capacity; the autoscaler's target."""
SPARE = 1
"""Replicas that may be unavailable."""
ARRIVING = 64
"""Request bodies that arrive at the same time at one replica."""
BYTES_PER_CHARACTER = 4


def measured(runtime: str, *path: str) -> float:
    """Return a measurement of one worker."""
    return typical(RESULTS, f"{runtime}, 1 worker", *path)


def capacity(runtime: str, load: str) -> float:
    """Return the reviews per second of one worker that logs each request, as by default."""
    logging = ratio(RESULTS, "numpy, 1 worker, logging", "numpy, 1 worker", "loads", load, "reviews_a_second")
    return measured(runtime, "loads", load, "reviews_a_second") * logging


def replicas(runtime: str, load: str, throughput: float) -> int:
    """Return the replicas, with one worker each, for a throughput in reviews per second."""
    return math.ceil(throughput / (capacity(runtime, load) * UTILISATION)) + SPARE


def max_memory(runtime: str) -> float:
    """Return the bytes that a worker needs at most: its own, a full queue, and arriving bodies."""
    limits = Settings.model_construct()
    queue = limits.max_waiting * limits.max_characters * BYTES_PER_CHARACTER
    return measured(runtime, "memory") + queue + ARRIVING * limits.max_body_bytes


def table() -> str:
    """Return the table of docs/how-to/kubernetes.md."""
    columns = [(runtime, load, title) for runtime in RUNTIMES for title, load in LOADS.items()]
    capacities = [capacity(runtime, load) * UTILISATION for runtime, load, _ in columns]
    lines = [
        ["reviews/s", *(f"{runtime}, {title}" for runtime, _, title in columns)],
        ["---:"] * (len(columns) + 1),
        [f"*one replica at {UTILISATION:.0%}*", *(f"*{reviews:,.0f}*" for reviews in capacities)],
        *([f"{goal:,}", *(f"{replicas(*column[:2], goal)}" for column in columns)] for goal in THROUGHPUTS),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
