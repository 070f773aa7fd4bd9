"""How the largest requests affect others: latencies beside them, and without them."""

import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.load import drive

QUESTIONS = {"health": ("GET", "/health/ready", None), "one review": ("POST", "/predict", "review")}


def latencies(url: str, review: str, seconds: float) -> dict[str, dict[str, float]]:
    """Alternate between a health check and a prediction on one connection.

    Returns:
        For each question the median, the 99th percentile and the maximum of its latencies, in seconds.
    """
    address = urlsplit(url).netloc
    body = json.dumps({"reviews": [review]})
    taken: dict[str, list[float]] = {question: [] for question in QUESTIONS}
    connection = http.client.HTTPConnection(address, timeout=30)
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        for question, (method, path, sends) in QUESTIONS.items():
            started = time.perf_counter()
            connection.request(method, path, body if sends else None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            taken[question].append(time.perf_counter() - started)
            assert response.status == 200, response.status
        time.sleep(0.002)
    connection.close()
    return {
        question: {"p50": statistics.median(all_), "p99": statistics.quantiles(all_, n=100)[98], "worst": max(all_)}
        for question, all_ in taken.items()
    }


def stall(url: str, review: str, large: Path, seconds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Measure latencies on an idle service, then beside one client that keeps sending the largest requests."""
    alone = latencies(url, review, seconds)
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(drive, f"{url}/predict", large, 1, seconds + 2)
        time.sleep(1)
        beside = latencies(url, review, seconds)
        sending.result()
    return {"alone": alone, "beside the largest requests": beside}
