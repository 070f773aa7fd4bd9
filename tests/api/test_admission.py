"""Load is shed before bodies are read, and explanations have a budget of their own."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api.test_routing import LONG, WORDY
from tests.raw_http import Answer, Connection, connected, request
from tests.scraping import number, scrape
from tests.servers import PATIENCE, Server, serving, wait_until

ORIGIN = "https://a.example"
ONE = {"reviews": ["superb"]}


@pytest.fixture(scope="module")
def busy() -> Iterator[Server]:
    """A service that one request fills."""
    limits = {"max_reviews": 400, "max_waiting": 400, "max_explained": 100, "max_body_bytes": 50_000_000}
    with serving(runtime="litert", deadline=60, max_explaining=1, cors_origins=ORIGIN, **limits) as server:
        yield server


def send(connection: Connection, path: str, reviews: list[str]) -> None:
    content = json.dumps({"reviews": reviews}).encode()
    headers = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(content)}")
    connection.send(request(f"POST {path} HTTP/1.1", *headers, body=content))


def rejected_unread(server: Server, path: str) -> Answer:
    """The response to a request most of whose body is never sent."""
    with connected(server) as connection:
        headers = ("Host: x", "Content-Type: application/json", "Content-Length: 1000", f"Origin: {ORIGIN}")
        connection.send(request(f"POST {path} HTTP/1.1", *headers, body=b'{"reviews": ['))
        answer = connection.answer()
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["X-Request-ID"]
    return answer


def test_full_queue_rejects_requests_before_their_body(busy: Server) -> None:
    before = number(scrape(busy.url), "reviews_total")
    rejections = number(scrape(busy.url), "rejections_total", reason="overloaded")
    with connected(busy) as hog:
        send(hog, "/predict", [LONG] * 400)
        wait_until(lambda: number(scrape(busy.url), "reviews_total") > before)
        first = httpx.post(f"{busy.url}/predict", json=ONE, timeout=PATIENCE)  # read, and finds the queue full
        assert (first.status_code, first.headers["Retry-After"]) == (503, "1")

        answer = rejected_unread(busy, "/predict")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["type"] == "urn:problem-type:sentiment:overloaded"
        assert answer.json["detail"].startswith("The limit of 400 waiting reviews was reached. Try again")
        for path in ("/v1/models/imdb:predict", "/v2/models/imdb/infer", "/v2/models/imdb/versions/2/infer"):
            assert rejected_unread(busy, path).json == {"error": answer.json["detail"]}
        for path in ("/health/live", "/health/ready", "/metrics", "/model"):
            assert httpx.get(f"{busy.url}{path}", timeout=PATIENCE).status_code == 200
        assert httpx.post(f"{busy.url}/explain", json=ONE, timeout=PATIENCE).status_code == 200
        assert hog.answer().status == 200
    assert httpx.post(f"{busy.url}/predict", json=ONE).status_code == 200
    assert number(scrape(busy.url), "rejections_total", reason="overloaded") == rejections + 5


def test_explanations_have_their_own_limit(busy: Server) -> None:
    with connected(busy) as hog:
        send(hog, "/explain", [WORDY] * 50)
        wait_until(lambda: number(scrape(busy.url), "explanations_in_progress") == 1)
        answer = rejected_unread(busy, "/explain")
        assert answer.json["detail"].startswith("The limit of 1 explanation requests in progress was reached.")
        assert rejected_unread(busy, "/v1/models/imdb:explain").json == {"error": answer.json["detail"]}
        assert httpx.post(f"{busy.url}/predict", json=ONE, timeout=PATIENCE).status_code == 200
        assert hog.answer().status == 200
    assert httpx.post(f"{busy.url}/explain", json=ONE).status_code == 200


def test_explanation_of_too_many_rows_is_rejected() -> None:
    with serving(runtime="litert", max_explanation_rows=1000) as server:
        response = httpx.post(f"{server.url}/explain", json={"reviews": [WORDY]})
        assert response.status_code == 503
        assert response.json()["detail"].startswith("The limit of 1000 rows of explanations in progress was reached.")
        assert httpx.post(f"{server.url}/explain", json=ONE).status_code == 200
