"""Slow, broken and greedy clients, over real sockets."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.raw_http import PARSERS, chunked, connected, request
from tests.servers import PATIENCE, Server, serving, wait_until

BODY = json.dumps({"reviews": ["A superb and moving film"]}).encode()
JSON = "Content-Type: application/json"


def head(length: int = len(BODY), path: str = "/predict", *headers: str) -> bytes:
    return request(f"POST {path} HTTP/1.1", "Host: x", JSON, f"Content-Length: {length}", *headers)


@pytest.fixture(scope="module", params=PARSERS)
def impatient(models: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A service with short timeouts, for each parser."""
    with serving(model_dir=models, runtime="numpy", http=request.param, request_timeout=1, keep_alive=1) as server:
        yield server


@pytest.mark.parametrize(("path", "bytes_sent"), [("/predict", 40), ("/v2/models/tiny/infer", 1)])
def test_body_that_trickles_or_stops_is_answered_408(impatient: Server, path: str, bytes_sent: int) -> None:
    with connected(impatient) as connection:
        connection.send(head(1000, path, f"X-Request-ID: slow{path}"))
        for _ in range(bytes_sent):
            connection.send(b" ")
            time.sleep(0.05)  # 40 bytes take twice as long as the timeout
        answer = connection.answer()
        assert connection.closed()
    assert (answer.status, answer.headers["Connection"]) == (408, "close")
    assert "1 seconds" in answer.json["error" if path.startswith("/v2") else "detail"]
    impatient.wait_for(f'"status":408.*"request_id":"slow{path}"')


@pytest.mark.parametrize(("body", "status"), [(BODY, b"200"), (b"{}", b"422")])
def test_response_arrives_in_one_segment(impatient: Server, body: bytes, status: bytes) -> None:
    """Fails if the head and the body are written separately: uvloop 0.23 does that, which takes longer."""
    host, port = impatient.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        for _ in range(50):  # separate segments may still be received together
            connection.sendall(head(len(body)) + body)
            response, _, content = connection.recv(65536).partition(b"\r\n\r\n")
            assert response.startswith(b"HTTP/1.1 " + status)
            assert json.loads(content or b"null"), "the body did not arrive with the head"


def test_idle_connection_is_closed(impatient: Server) -> None:
    with connected(impatient) as connection:
        connection.send(head() + BODY)
        assert connection.answer().status == 200
        assert connection.closed()


def test_client_that_has_shut_down_its_sending_side_gets_its_response(impatient: Server) -> None:
    answers = []
    for _ in range(20):  # the request and the end may be received together or not
        with connected(impatient) as connection:
            connection.send(head() + BODY)
            connection.send_no_more()
            with suppress(AssertionError):  # on a busy machine, some may take too long
                answers.append(connection.answer().status)
            assert connection.closed()
    assert len(answers) > 10
    assert set(answers) == {200}


@pytest.mark.parametrize("sent", [b"", head()[:-3], head() + BODY[:-3]], ids=["nothing", "head", "body"])
def test_connection_that_ends_within_a_request_is_closed(impatient: Server, sent: bytes) -> None:
    with connected(impatient) as connection:
        connection.send(sent)
        connection.send_no_more()
        assert connection.closed()


def test_body_that_is_too_large_is_rejected_at_once_and_then_discarded(impatient: Server) -> None:
    """A client that keeps sending is not reset, and what it sends takes no memory."""
    process = psutil.Process(impatient.process.pid)
    memory = process.memory_info().rss
    with connected(impatient) as connection:
        connection.send(head(100_000_000))
        answer = connection.answer()
        assert (answer.status, answer.json["limit"], answer.json["received"]) == (413, 2_000_000, 100_000_000)
        for _ in range(100):
            connection.send(b"a" * 1_000_000)
        connection.send(head() + BODY)
        assert connection.answer().status == 200
    assert process.memory_info().rss < memory + 20e6


CHUNKED = request("POST /predict HTTP/1.1", "Host: x", JSON, "Transfer-Encoding: chunked")
NO_HTTP = ("Invalid HTTP request received.", "connection closed: the request is not valid HTTP")
"""What uvicorn logs, and what is left of the traceback of an exception that it does not expect."""


@pytest.mark.parametrize(
    "sent",
    [
        request("GET /\xe9 HTTP/1.1", "Host: x"),
        CHUNKED + b"no size\r\n",
        CHUNKED + chunked(b" " * 2_000_001).removesuffix(b"0\r\n\r\n") + b"no size\r\n",
    ],
    ids=["path", "chunk", "chunk after a response"],
)
def test_connection_that_the_parser_gives_up_is_logged_without_a_traceback(impatient: Server, sent: bytes) -> None:
    before = len(impatient.logs())
    with connected(impatient) as connection:
        connection.send(sent)
        while not connection.closed():
            pass
    wait_until(lambda: any(line["event"] in NO_HTTP for line in impatient.logs()[before:]))
    for line in impatient.logs()[before:]:
        if line["event"] != "request":
            assert (line["level"], line["event"] in NO_HTTP) == ("warning", True)
            assert "exception" not in line
    assert len(impatient.lines) == len(impatient.logs())  # each is JSON
