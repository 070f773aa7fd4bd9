"""Under overload every request is answered and nothing is left behind; `make overload` measures times."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from benchmarks.loops import TIMEOUT, closed_loop, open_loop, result_of
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, serving, wait_until

pytestmark = pytest.mark.slow

UNHURRIED = {"runtime": "numpy", "deadline": 60, "request_timeout": 60}
"""No timeout of the service ends a test on a busy machine, only load does."""
JSON = {"Content-Type": "application/json"}


def send(server: Server, bodies: Path, review: str, count: int, rate: float, seconds: float) -> dict[str, Any]:
    """Send requests with so many reviews each, at a fixed rate per second; returns what came of them."""
    bodies.write_text(json.dumps({"reviews": [review] * count}))
    return result_of(open_loop(f"{server.url}/predict", bodies, rate, seconds))


def test_overload_is_rejected_and_leaves_nothing_behind(models: Path, tmp_path: Path) -> None:
    with serving(model_dir=models, max_waiting=256, **UNHURRIED) as server, ThreadPoolExecutor(1) as other:
        process = psutil.Process(server.process.pid)
        load = (server, tmp_path / "bodies.jsonl", "superb and moving, but a bit long " * 200, 32)
        send(*load, 50, 0.5)
        files, memory = process.num_fds(), process.memory_info().rss
        before = number(scrape(server.url), "rejections_total", reason="overloaded")
        loading = other.submit(send, *load, 1000, 3)
        while not loading.done():
            assert httpx.get(f"{server.url}/health/ready", timeout=PATIENCE).status_code == 200
            assert number(scrape(server.url), "waiting_reviews") <= 256
            time.sleep(0.1)
        result = loading.result()
        assert set(result["answers"]) == {"200", "503"}, result
        assert sum(answer["count"] for answer in result["answers"].values()) == result["sent"] == 3000
        response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE)
        assert response.status_code == 200
        wait_until(lambda: number(scrape(server.url), "waiting_reviews") == 0)
        rejected = number(scrape(server.url), "rejections_total", reason="overloaded") - before
        assert rejected == result["answers"]["503"]["count"]
        wait_until(lambda: process.num_fds() <= files)
        # All bodies together have 650 MB. On a slow machine some hundreds of them are in memory at a time.
        assert process.memory_info().rss < memory + 300e6


def test_largest_explanations_finish_or_are_rejected(tmp_path: Path) -> None:
    """More clients than may wait ask for the largest explanation again and again, and four for predictions.

    The load outlasts the deadline, so an explanation that others overtake again and again would be answered 504. On a
    slow machine both are longer: 16 such requests may wait, and five times as long must be enough for them.
    """
    words = " ".join(json.loads((ROOT / "models/imdb/1/word_index.json").read_text()))
    largest, smallest = tmp_path / "largest.jsonl", tmp_path / "smallest.jsonl"
    largest.write_text(json.dumps({"reviews": [words[:15_000]] * 8}))
    smallest.write_text(json.dumps({"reviews": ["superb"]}))
    with serving(model_version=1, **UNHURRIED) as server:
        alone = httpx.post(f"{server.url}/explain", content=largest.read_text(), headers=JSON, timeout=PATIENCE)
        needed = round(5 * 16 * alone.raise_for_status().elapsed.total_seconds())
    deadline = min(max(10, needed), TIMEOUT - 5)  # the clients give up after TIMEOUT
    with serving(model_version=1, runtime="numpy", deadline=deadline) as server:
        explaining = closed_loop(f"{server.url}/explain", largest, 24, deadline + 2)
        predicted = result_of(closed_loop(f"{server.url}/predict", smallest, 4, deadline + 2))["answers"]
        explained = result_of(explaining)["answers"]
    assert set(explained) == {"200", "503"}, explained
    assert explained["200"]["count"] > 1
    assert set(predicted) == {"200"}, predicted
