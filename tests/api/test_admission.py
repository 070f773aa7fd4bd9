"""Work that is not done: requests beyond a limit or a deadline, and those whose client has left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.raw_http import Answer, Connection, connected, post
from tests.scraping import Numbers, number, scrape
from tests.servers import PATIENCE, ROOT, Server, serving, wait_until

ORIGIN = "https://a.example"
ONE = {"reviews": ["superb"]}
LONG = "a " * 24_500
WORDY = " ".join(list(json.loads((ROOT / "models/imdb/1/word_index.json").read_text()))[:3000])
"""A review whose explanation takes some 20 ms."""


@pytest.fixture(scope="module")
def busy() -> Iterator[Server]:
    """The shipped bundle; a single request fills each queue, and takes some seconds."""
    limits = {"max_reviews": 400, "max_waiting": 400, "max_explained": 200, "max_body_bytes": 50_000_000}
    with serving(runtime="numpy", deadline=60, max_explained_length=50_000, cors_origins=ORIGIN, **limits) as server:
        yield server


def send(connection: Connection, path: str, body: dict[str, Any], *headers: str) -> None:
    connection.send(post(json.dumps(body).encode(), *headers, target=path))


def rejected_unread(server: Server, path: str) -> Answer:
    """The response to a request whose last byte is not sent."""
    with connected(server) as connection:
        connection.send(post(b" " * 1000, f"Origin: {ORIGIN}", target=path)[:-1])
        answer = connection.answer()
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["X-Request-ID"]
    return answer


def test_full_queue_rejects_requests_before_their_body(busy: Server) -> None:
    before = number(scrape(busy.url), "reviews_total")
    rejections = number(scrape(busy.url), "rejections_total", reason="overloaded")
    with connected(busy) as large:
        send(large, "/predict", {"reviews": [LONG] * 400})
        wait_until(lambda: number(scrape(busy.url), "reviews_total") > before)
        first = httpx.post(f"{busy.url}/predict", json=ONE, timeout=PATIENCE)  # is read, and finds the queue full
        assert (first.status_code, first.headers["Retry-After"]) == (503, "1")

        answer = rejected_unread(busy, "/predict")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["type"] == "/problems/overloaded"
        assert answer.json["detail"].startswith("The limit of 400 waiting reviews was reached. Try again")
        for path in ("/v1/models/imdb:predict", "/v2/models/imdb/infer", "/v2/models/imdb/versions/2/infer"):
            assert rejected_unread(busy, path).json == {"error": answer.json["detail"]}
        for path in ("/health/live", "/health/ready", "/metrics", "/model"):
            assert httpx.get(f"{busy.url}{path}", timeout=PATIENCE).status_code == 200
        assert httpx.post(f"{busy.url}/explain", json=ONE, timeout=PATIENCE).status_code == 200
        assert large.answer().status == 200
    assert httpx.post(f"{busy.url}/predict", json=ONE).status_code == 200
    assert number(scrape(busy.url), "rejections_total", reason="overloaded") == rejections + 5


def test_explanations_have_their_own_limit(busy: Server) -> None:
    with connected(busy) as large:
        send(large, "/explain", {"reviews": [WORDY] * 200})
        wait_until(lambda: number(scrape(busy.url), "explanations_in_progress") == 200)
        first = httpx.post(f"{busy.url}/explain", json=ONE, timeout=PATIENCE)  # is read, and finds the budget spent
        assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
        answer = rejected_unread(busy, "/explain")
        assert answer.json["detail"].startswith("The limit of 50 reviews that are being explained was reached.")
        assert rejected_unread(busy, "/v1/models/imdb:explain").json == {"error": answer.json["detail"]}
        assert httpx.post(f"{busy.url}/predict", json=ONE, timeout=PATIENCE).status_code == 200
        assert large.answer().status == 200
    assert httpx.post(f"{busy.url}/explain", json=ONE).status_code == 200


def disconnects(numbers: Numbers) -> float:
    return sum(value for (_, labels), value in numbers.items() if ("status", "499") in labels)


@pytest.mark.parametrize(
    ("path", "body", "started", "finished", "of"),
    [
        ("/predict", {"reviews": [LONG] * 400}, "reviews_total", "reviews_total", 400),
        (
            "/v1/models/imdb:explain",
            {"instances": [WORDY] * 100},
            "explanations_in_progress",
            "explained_reviews_total",
            1,
        ),
    ],
)
def test_request_is_dropped_when_its_client_disconnects(
    busy: Server, path: str, body: dict[str, Any], started: str, finished: str, of: int
) -> None:
    before = scrape(busy.url)
    with connected(busy) as connection:
        send(connection, path, body, f"X-Request-ID: leaves{path}")
        wait_until(lambda: number(scrape(busy.url), started) > number(before, started))
    busy.wait_for(f"leaves{path}")
    (line,) = [line for line in busy.logs() if line.get("request_id") == f"leaves{path}"]
    assert (line["level"], line["event"], line["status"]) == ("info", "request", 499)
    for gauge in ("waiting_reviews", "explanations_in_progress"):
        wait_until(lambda gauge=gauge: number(scrape(busy.url), gauge) == 0)  # type: ignore[misc]
    after = scrape(busy.url)
    assert disconnects(after) == disconnects(before) + 1
    assert number(after, finished) - number(before, finished) < of


def test_request_beyond_the_deadline_is_answered_504(models: Path) -> None:
    long = ["superb and moving " * 2000] * 8
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(long)], "data": long}
    with serving(model_dir=models, runtime="numpy", deadline=0.001, max_explained_length=50_000) as server:
        response = httpx.post(f"{server.url}/explain", json={"reviews": long})
        assert response.status_code == 504
        assert response.json()["type"] == "/problems/deadline-exceeded"
        for path, body in (
            ("/v1/models/tiny:predict", {"instances": long}),
            ("/v2/models/tiny/infer", {"inputs": [tensor]}),
        ):
            response = httpx.post(f"{server.url}{path}", json=body)
            assert response.status_code == 504
            assert "0.001 seconds" in response.json()["error"]
