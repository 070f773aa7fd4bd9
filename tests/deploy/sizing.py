"""How many replicas a load needs, and what each needs, from benchmarks/results.json; docs/kubernetes.md shows it."""

import json
import math
from collections.abc import Mapping
from typing import Any

from app.settings import Settings
from benchmarks.report import ratio, typical
from tests.servers import ROOT

DOCUMENT = ROOT / "docs/kubernetes.md"
BEGIN, END = "<!-- replicas -->", "<!-- end -->"
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text())

RUNTIMES = ("litert", "tensorflow")
LOADS: Mapping[str, str] = {"one a request": "32", "64 a request": "batches of 64"}
"""How reviews come -> the load that it was measured with."""
WANTED = (1_000, 5_000, 10_000, 25_000, 50_000, 100_000)
"""Reviews a second."""
UTILISATION = 0.65
"""Of what a worker can do; the autoscaler aims at it too."""
SPARE = 1
"""Replicas that may be away."""
ARRIVING = 64
"""Bodies that are just arriving at one replica."""
BYTES_A_CHARACTER = 4


def logging_share(load: str) -> float:
    """What is left of the reviews a second when each request is logged, as it is by default."""
    return ratio(RESULTS, "litert, 1 worker, logging", "litert, 1 worker", "loads", load, "reviews_a_second")


def capacity(runtime: str, load: str) -> float:
    """Reviews a second that one worker scores and logs."""
    return typical(RESULTS, f"{runtime}, 1 worker", "loads", load, "reviews_a_second") * logging_share(load)


def replicas(runtime: str, load: str, wanted: float) -> int:
    """Replicas of one worker for so many reviews a second."""
    return math.ceil(wanted / (capacity(runtime, load) * UTILISATION)) + SPARE


def memory(runtime: str) -> float:
    """Bytes that a worker holds after load."""
    return typical(RESULTS, f"{runtime}, 1 worker", "memory")


def most_memory(runtime: str) -> float:
    """Bytes that a worker can need: its own, a full queue, and bodies that arrive."""
    limits = Settings.model_construct()
    queue = limits.max_waiting * limits.max_characters * BYTES_A_CHARACTER
    return memory(runtime) + queue + ARRIVING * limits.max_body_bytes


def cold_start(runtime: str) -> float:
    """Seconds from the start of the process to the first answer, with warm disks."""
    return typical(RESULTS, f"{runtime}, 1 worker", "cold_start")


def table() -> str:
    """Replicas by reviews a second, for docs/kubernetes.md."""
    columns = [(runtime, load, how) for runtime in RUNTIMES for how, load in LOADS.items()]
    lines = [
        ["reviews/s", *(f"{runtime}, {how}" for runtime, _, how in columns)],
        ["---:"] * (len(columns) + 1),
        ["*one replica at 65 %*", *(f"*{capacity(runtime, load) * UTILISATION:,.0f}*" for runtime, load, _ in columns)],
        *(
            [f"{wanted:,}", *(str(replicas(runtime, load, wanted)) for runtime, load, _ in columns)]
            for wanted in WANTED
        ),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
