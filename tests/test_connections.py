"""Slow, broken and greedy clients, over real sockets."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.raw_http import connected, request
from tests.servers import Server, serving, wait_until

BODY = json.dumps({"reviews": ["A superb and moving film"]}).encode()
JSON = "Content-Type: application/json"
LIVE = request("GET /health/live HTTP/1.1", "Host: x")
CHUNKED = request("POST /predict HTTP/1.1", "Host: x", JSON, "Transfer-Encoding: chunked")
TIMEOUT = 1.0


def head(length: int = len(BODY), path: str = "/predict", *headers: str) -> bytes:
    return request(f"POST {path} HTTP/1.1", "Host: x", JSON, f"Content-Length: {length}", *headers)


@pytest.fixture(scope="module")
def impatient(models: Path) -> Iterator[Server]:
    """A service with short timeouts."""
    with serving(model_dir=models, runtime="litert", request_timeout=TIMEOUT, keep_alive=1) as server:
        yield server


@pytest.mark.parametrize("sent", [b"", BODY[:-1]], ids=["nothing", "part"])
@pytest.mark.parametrize("path", ["/predict", "/explain", "/v1/models/tiny:predict", "/v2/models/tiny/infer"])
def test_body_that_stops_arriving_is_answered_408(impatient: Server, path: str, sent: bytes) -> None:
    with connected(impatient) as connection:
        started = time.monotonic()
        connection.send(head(len(BODY), path, "X-Request-ID: stops") + sent)
        answer = connection.answer()
        assert connection.closed()
    assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT + 5
    assert (answer.status, answer.headers["Connection"]) == (408, "close")
    detail = "The request body did not arrive within 1 seconds. Send it again, or send less."
    if path.startswith("/v"):
        assert answer.json == {"error": detail}
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert (answer.json["type"], answer.json["detail"]) == ("urn:problem-type:sentiment:request-timeout", detail)
    impatient.wait_for('"status":408.*"request_id":"stops"')


def test_body_that_drips_is_answered_408(impatient: Server) -> None:
    with connected(impatient) as connection:
        connection.send(head(1000))
        started = time.monotonic()
        while time.monotonic() - started < TIMEOUT * 2:
            connection.send(b" ")
            time.sleep(0.05)
        assert connection.answer().status == 408


def test_idle_connection_is_closed(impatient: Server) -> None:
    with connected(impatient) as connection:
        connection.send(head() + BODY)
        assert connection.answer().status == 200
        started = time.monotonic()
        assert connection.closed()
    assert 0.9 < time.monotonic() - started < 5


def test_connections_leave_nothing_behind(impatient: Server) -> None:
    process = psutil.Process(impatient.process.pid)
    httpx.get(f"{impatient.url}/health/live")
    before = process.num_fds()
    for sent in (b"", LIVE[:10], head() + BODY[:-1], LIVE * 3, b"\0\r\n\r\n", request("GET /\xe9 HTTP/1.1", "Host: x")):
        for _ in range(10):
            with connected(impatient) as connection:
                connection.send(sent)
    wait_until(lambda: process.num_fds() <= before)


@pytest.mark.parametrize("size", [3_000_000, 100_000_000])
def test_rest_of_a_body_that_is_too_large_is_discarded(server: Server, size: int) -> None:
    """A client that sends everything before it reads must neither be reset nor cost memory."""
    process = psutil.Process(server.process.pid)
    memory = process.memory_info().rss
    with connected(server) as connection:
        connection.send(head(size))
        for _ in range(size // 1_000_000):
            connection.send(b"a" * 1_000_000)
        answer = connection.answer()
        assert (answer.status, answer.json["limit"], answer.json["received"]) == (413, 2_000_000, size)
        connection.send(head() + BODY)
        assert connection.answer().status == 200
    assert process.memory_info().rss < memory + 20e6


def test_garbage_does_not_cost_the_request_before_it(server: Server) -> None:
    for garbage in (b"\0garbage\r\n\r\n", CHUNKED + b"no size\r\n"):
        with connected(server) as connection:
            connection.send(head() + BODY + garbage)
            assert connection.answer().status == 200
            assert connection.answer().status == 400
            assert connection.closed()


def test_pipelined_request_does_not_inherit_the_problem_of_the_one_before(server: Server) -> None:
    with connected(server) as connection:
        connection.send(
            request("GET /nothing HTTP/1.1", "Host: x")
            + request("GET /model HTTP/1.1", "Host: x", "X-Request-ID: behind-an-error")
        )
        assert [connection.answer().status for _ in range(2)] == [404, 200]
    server.wait_for("behind-an-error")
    (line,) = [line for line in server.logs() if line.get("request_id") == "behind-an-error"]
    assert line["status"] == 200
    assert "problem" not in line


def test_endless_pipeline_takes_no_memory(server: Server) -> None:
    """The client never reads, so responses and requests pile up until the server gives up the connection."""
    process = psutil.Process(server.process.pid)
    memory = process.memory_info().rss
    with connected(server) as connection:
        for _ in range(100):
            connection.send(request("GET /openapi.json HTTP/1.1", "Host: x") * 20_000)
    assert process.memory_info().rss < memory + 50e6
    assert httpx.get(f"{server.url}/health/live").status_code == 200


@pytest.mark.parametrize(
    ("sent", "event"),
    [
        (request("GET /\xe9 HTTP/1.1", "Host: x"), "connection closed: the request is not valid HTTP"),
        (LIVE + request("GET /\xe9 HTTP/1.1", "Host: x"), "connection closed: the request is not valid HTTP"),
        (CHUNKED + b"no size\r\n", "Invalid HTTP request received."),
    ],
    ids=["path", "path of a pipelined request", "chunk"],
)
def test_connection_that_the_parser_gives_up_is_logged_in_one_line(models: Path, sent: bytes, event: str) -> None:
    with serving(model_dir=models, runtime="litert") as server:
        before = len(server.lines)
        with connected(server) as connection:
            connection.send(sent)
            while not connection.closed():
                pass
        server.wait_for(event)
        lines = [line for line in server.logs()[before:] if line["event"] != "request"]
        assert len(server.lines) - before == len(server.logs()) - before  # each is JSON
    assert [(line["level"], line["event"]) for line in lines] == [("warning", event)]
    assert "exception" not in lines[0]


def test_reviews_that_wait_too_long_are_answered_504(models: Path) -> None:
    """The first part of a large request is scored; when its turn comes again, its time is up."""
    with serving(model_dir=models, deadline=0.001, runtime="litert") as server:
        response = httpx.post(f"{server.url}/predict", json={"reviews": ["a superb film " * 1000] * 100})
        assert response.status_code == 504
        assert response.json()["type"] == "urn:problem-type:sentiment:deadline-exceeded"
        # On a busy machine a millisecond may pass for a single one, too.
        one = {"reviews": ["superb"]}
        wait_until(lambda: httpx.post(f"{server.url}/predict", json=one).status_code == 200)
