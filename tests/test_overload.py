"""More than the service can answer: everything gets a response, and nothing is left behind.

Times are measured elsewhere, by `make overload` and `make soak`.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from benchmarks.loops import open_loop, result_of
from tests.raw_http import connected, request
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, serving, wait_until

UNHURRIED = {"runtime": "litert", "deadline": 60, "request_timeout": 60}
"""No timeout of the service ends a test on a busy machine, only load does."""

REVIEWS = 32
LONG = ["superb " * 5000] * 40
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [len(LONG)], "data": LONG}
LONGEST = " ".join(json.loads((ROOT / "models/imdb/2/word_index.json").read_text()))[:50_000]
"""A review whose explanation takes thousands of rows."""


def send(server: Server, bodies: Path, rate: float, seconds: float) -> dict[str, Any]:
    return result_of(open_loop(f"{server.url}/predict", bodies, rate, seconds))


def test_overload_is_rejected_and_leaves_nothing_behind(models: Path, tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text(json.dumps({"reviews": ["superb and moving, but a bit long " * 200] * REVIEWS}))
    with serving(model_dir=models, max_waiting=256, **UNHURRIED) as server, ThreadPoolExecutor(1) as other:
        process = psutil.Process(server.process.pid)
        send(server, bodies, 50, 0.5)
        files, memory = process.num_fds(), process.memory_info().rss
        before = number(scrape(server.url), "rejections_total", reason="overloaded")
        loading = other.submit(send, server, bodies, 1000, 3)
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
        # All bodies have 650 MB. If the server is late, some hundred of them are there at a time, and leave their mark.
        assert process.memory_info().rss < memory + 300e6


def test_steady_load_leaves_nothing_behind(models: Path, tmp_path: Path) -> None:
    """A short soak; `make soak` takes ten minutes."""
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text(json.dumps({"reviews": ["superb and moving, but a bit long " * 20] * 4}))
    with serving(model_dir=models, max_waiting=10_000, **UNHURRIED) as server:
        process = psutil.Process(server.process.pid)
        send(server, bodies, 200, 3)
        wait_until(lambda: number(scrape(server.url), "open_connections") <= 1)
        files, memory = process.num_fds(), [process.memory_info().rss]
        # After a pause of this machine, what is overdue comes all at once, and such a load may need more memory than
        # any before it. What leaks is lost each time.
        while len(memory) < 2 or memory[-1] > memory[-2] * 1.05:
            assert len(memory) < 6, memory
            result = send(server, bodies, 200, 5)
            assert result["answers"]["200"]["count"] == result["sent"] == 1000
            wait_until(lambda: process.num_fds() <= files)
            memory.append(process.memory_info().rss)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", {"reviews": LONG}),
        ("/v2/models/tiny/infer", {"inputs": [TENSOR]}),
        ("/v1/models/tiny:predict", {"instances": LONG}),
    ],
)
def test_rejection_because_of_load_says_what_to_do(models: Path, path: str, body: dict[str, Any]) -> None:
    with serving(model_dir=models, max_reviews=64, max_waiting=64, **UNHURRIED) as server:

        def post(i: int) -> httpx.Response:
            headers = {"X-Request-ID": f"request-{i}"}
            if i % 4 == 0:  # as Java's client and curl --http2 do
                headers |= {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"}
            return httpx.post(f"{server.url}{path}", json=body, headers=headers, timeout=PATIENCE)

        with ThreadPoolExecutor(16) as clients:
            responses = list(clients.map(post, range(64)))
        rejected = [response for response in responses if response.status_code != 200]
        assert 0 < len(rejected) < 64
        for response in rejected:
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "1"
            assert response.headers["X-Request-ID"].startswith("request-")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            if path == "/predict":
                assert response.headers["Content-Type"] == "application/problem+json"
                assert response.json()["type"] == "urn:problem-type:sentiment:overloaded"
                detail = response.json()["detail"]
            else:
                assert response.headers["Content-Type"] == "application/json"
                (detail,) = response.json().values()
            assert detail.startswith("The limit of 64 waiting reviews was reached. Try again in a second")
        assert number(scrape(server.url), "rejections_total", reason="overloaded") == len(rejected)


def test_rejection_because_of_load_does_not_wait_for_the_body() -> None:
    with (
        serving(max_explaining=1, **UNHURRIED) as server,
        connected(server) as busy,
        connected(server) as rejected,
    ):
        content = json.dumps({"reviews": [LONGEST] * 8}).encode()
        head = ("POST /explain HTTP/1.1", "Host: x", "Content-Type: application/json")
        busy.send(request(*head, f"Content-Length: {len(content)}", body=content))
        wait_until(lambda: number(scrape(server.url), "explanations_in_progress") == 1)
        rejected.send(request(*head, "Content-Length: 1000000", body=b"{"))
        assert rejected.answer().status == 503


def test_explanations_do_not_get_in_the_way_of_predictions() -> None:
    """Eight clients explain the longest reviews beside sixteen that predict."""

    def post(path: str, reviews: list[str], times: int) -> set[int]:
        with httpx.Client(base_url=server.url, timeout=PATIENCE) as client:
            return {client.post(path, json={"reviews": reviews}).status_code for _ in range(times)}

    with serving(max_reviews=16, max_waiting=16, **UNHURRIED) as server, ThreadPoolExecutor(24) as clients:
        explaining = [clients.submit(post, "/explain", [LONGEST], 2) for _ in range(8)]
        predicting = [clients.submit(post, "/predict", ["A superb film"], 20) for _ in range(16)]
        assert [task.result() for task in predicting] == [{200}] * 16
        assert [task.result() for task in explaining] == [{200}] * 8
        wait_until(lambda: number(scrape(server.url), "explanations_in_progress") == 0)
