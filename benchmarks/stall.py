"""How the largest requests affect others: latencies beside them, and without them."""

import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.load import drive

Latencies = dict[str, dict[str, float]]
"""Kind of request -> `p50` and `p99` of its latencies in seconds."""


def stall(url: str, review: str, large: Path, seconds: int) -> dict[str, Latencies]:
    """Measure latencies on an idle service, then beside one client that keeps sending the largest requests."""
    alone = latencies(url, review, seconds)
    with ThreadPoolExecutor(1) as background:
        background.submit(drive, f"{url}/predict", large, 1, seconds + 2)
        time.sleep(1)
        return {"alone": alone, "beside the largest requests": latencies(url, review, seconds)}


def latencies(url: str, review: str, seconds: float) -> Latencies:
    """Alternate between a health check and a prediction on one connection."""
    requests = {
        "health": ("GET", "/health/ready", None),
        "one review": ("POST", "/predict", json.dumps({"reviews": [review]})),
    }
    measured: dict[str, list[float]] = {kind: [] for kind in requests}
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for kind, request in requests.items():
            started = time.perf_counter()
            connection.request(*request, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            measured[kind].append(time.perf_counter() - started)
            assert response.status == 200, response.status
        time.sleep(0.002)
    connection.close()
    return {
        kind: {"p50": statistics.median(seconds), "p99": statistics.quantiles(seconds, n=100)[98]}
        for kind, seconds in measured.items()
    }
