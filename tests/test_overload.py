"""More than the service can answer: everything gets an answer, and nothing stays behind. Times are measured elsewhere,
by `make overload` and `make soak`."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from benchmarks.loops import open_loop, result_of
from tests.scraping import number, scrape
from tests.servers import PATIENCE, Server, serving, wait_until

REVIEWS = 32
UNHURRIED = {"runtime": "litert", "deadline": 60, "request_timeout": 60}
"""Settings with which a busy machine is told of no lateness, only of load."""


def send(server: Server, bodies: Path, rate: float, seconds: float) -> dict[str, Any]:
    return result_of(open_loop(f"{server.url}/predict", bodies, rate, seconds))


def test_overload_is_refused_and_leaves_nothing_behind(models: Path, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text(json.dumps({"reviews": ["superb and moving, but a bit long " * 200] * REVIEWS}))
    with serving(model_dir=models, max_waiting=256, **UNHURRIED) as server, ThreadPoolExecutor(1) as other:
        process = psutil.Process(server.process.pid)
        send(server, bodies, 50, 0.5)
        files, memory = process.num_fds(), process.memory_info().rss
        before = number(scrape(server.url), "rejections_total", route="/predict", reason="overloaded")
        loading = other.submit(send, server, bodies, 1000, 3)
        asked = 0
        while not loading.done():
            assert httpx.get(f"{server.url}/health/ready", timeout=PATIENCE).status_code == 200
            assert number(scrape(server.url), "waiting_reviews") <= 256
            asked += 1
            time.sleep(0.1)
        result = loading.result()
        assert asked > 3
        assert set(result["answers"]) == {"200", "503"}, result
        assert sum(answer["count"] for answer in result["answers"].values()) == result["sent"] == 3000
        refused = result["answers"]["503"]["count"]
        response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE)
        assert response.status_code == 200
        wait_until(lambda: number(scrape(server.url), "waiting_reviews") == 0)
        now = number(scrape(server.url), "rejections_total", route="/predict", reason="overloaded")
        assert now == before + refused
        wait_until(lambda: process.num_fds() <= files)
        # All bodies have 650 MB. If the server is late, some hundred of them are there at a time, and leave their mark.
        assert process.memory_info().rss < memory + 300e6
        assert any(line["event"] == "shedding" for line in server.logs())


def test_steady_load_leaves_nothing_behind(models: Path, tmp_path: Path) -> None:
    """A short soak; `make soak` takes ten minutes."""
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text(json.dumps({"reviews": ["superb and moving, but a bit long " * 20] * 4}))
    with serving(model_dir=models, max_waiting=10_000, **UNHURRIED) as server:
        process = psutil.Process(server.process.pid)
        send(server, bodies, 200, 3)
        wait_until(lambda: number(scrape(server.url), "open_connections") <= 1)
        files, memory = process.num_fds(), [process.memory_info().rss]
        # What is overdue after a pause of this machine comes all at once, and such a load may need more than any before
        # it. What leaks is lost each time.
        while len(memory) < 2 or memory[-1] > memory[-2] * 1.05:
            assert len(memory) < 6, memory
            result = send(server, bodies, 200, 5)
            assert result["answers"]["200"]["count"] == result["sent"] == 1000
            wait_until(lambda: process.num_fds() <= files)
            memory.append(process.memory_info().rss)


LONG = ["superb " * 5000] * 40
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [len(LONG)], "data": LONG}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"reviews": LONG}),
        ("/v2/models/tiny/infer", {"inputs": [TENSOR]}),
        ("/v2/models/tiny/versions/1/infer", {"inputs": [TENSOR]}),
        ("/v1/models/tiny:predict", {"instances": LONG}),
        ("/v1/models/tiny:predict?trace=1", {"instances": LONG}),
    ],
)
def test_refusal_because_of_load_tells_what_to_do(models: Path, path: str, body: dict[str, Any]) -> None:
    """Both kinds: the one that finds the queue full, and those that are refused unread after it."""
    with serving(model_dir=models, max_reviews=64, max_waiting=64, **UNHURRIED) as server:

        def ask(number: int) -> httpx.Response:
            headers = {"X-Request-ID": f"ask-{number}"}
            if number % 4 == 0:  # as Java's client and curl --http2 do; the connection ends, and nothing is lost by it
                headers |= {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}
            return httpx.post(f"{server.url}{path}", json=body, headers=headers, timeout=PATIENCE)

        with ThreadPoolExecutor(16) as clients:
            responses = list(clients.map(ask, range(64)))
        refused = [response for response in responses if response.status_code != 200]
        for response in refused:
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "1"
            assert response.headers["X-Request-ID"].startswith("ask-")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            if path == "/predict":
                assert response.headers["Content-Type"] == "application/problem+json"
                assert response.json()["type"] == "urn:problem-type:sentiment:overloaded"
            else:
                assert response.headers["Content-Type"] == "application/json"
                assert response.json().keys() == {"error"}
        details = [response.json()["detail" if path == "/predict" else "error"] for response in refused]
        unread = [detail for detail in details if detail.startswith("The limit of 64 waiting reviews was reached")]
        read = [detail for detail in details if "would exceed the limit of 64" in detail]
        assert len(unread) + len(read) == len(details)
        assert unread
        assert read
        route = route_of(path.partition("?")[0])
        assert number(scrape(server.url), "rejections_total", route=route, reason="overloaded") == len(refused)
