"""What clients do to a connection: nothing, too slowly, half, or too much; in real sockets, to the real service."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.servers import PATIENCE, Server, serving, wait_until

REVIEW = "A superb and moving film"
BODY = json.dumps({"reviews": [REVIEW]}).encode()
HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
)
TIMEOUT = 1.0


@pytest.fixture(scope="module")
def impatient(models: Path) -> Iterator[Server]:
    """A service that waits for nobody for long."""
    with serving(model_dir=models, request_timeout=TIMEOUT, keep_alive=1) as server:
        yield server


def connect(server: Server) -> socket.socket:
    port = int(server.url.rsplit(":", 1)[1])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def read_to_end(connection: socket.socket) -> bytes:
    received = bytearray()
    while data := connection.recv(65536):
        received += data
    return bytes(received)


@pytest.mark.parametrize("sent", [HEAD[:30], HEAD, HEAD + BODY[:-1], b"\r\n"], ids=["head", "headers", "body", "blank"])
def test_request_that_stops_arriving_is_answered_408_and_cut_off(impatient: Server, sent: bytes) -> None:
    with connect(impatient) as connection:
        started = time.monotonic()
        connection.sendall(sent)
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert TIMEOUT * 0.9 < time.monotonic() - started < TIMEOUT + 10
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head
    assert json.loads(body)["type"] == "urn:problem-type:sentiment:request-timeout"
    assert json.loads(body)["detail"] == "The request did not arrive within 1 seconds; the connection is closed."


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: x\r\n", 408),
        (b"POST /v2/models/tiny/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", 408),
        (b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /v2/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /v2 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"BREW /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_refusal_on_a_path_of_another_protocol_has_its_form(impatient: Server, sent: bytes, status: int) -> None:
    with connect(impatient) as connection:
        connection.sendall(sent)
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/json\r\n" in head
    assert json.loads(body).keys() == {"error"}


def test_request_that_trickles_in_is_cut_off_all_the_same(impatient: Server) -> None:
    """A byte at a time never lets the connection look idle."""
    with connect(impatient) as connection:
        started = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011  # reset, or a broken pipe
            for byte in HEAD + BODY * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)
    assert time.monotonic() - started < TIMEOUT + 10


def test_slow_body_is_logged_as_408(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD.replace(b"Host: x", b"Host: x\r\nX-Request-ID: slow-body") + BODY[:5])
        read_to_end(connection)
    impatient.wait_for("slow-body")
    (line,) = [line for line in impatient.logs() if line.get("request_id") == "slow-body"]
    assert line["status"] == 408


@pytest.mark.parametrize("before", [b"", HEAD + BODY], ids=["new", "used"])
def test_idle_connection_is_closed(impatient: Server, before: bytes) -> None:
    with connect(impatient) as connection:
        connection.sendall(before)
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 200") if before else received == b""


def test_client_that_half_closes_gets_its_answer(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD + BODY)
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 OK")


def test_client_that_half_closes_in_a_request_is_let_go(impatient: Server) -> None:
    with connect(impatient) as connection:
        connection.sendall(HEAD + BODY[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert b"408" not in read_to_end(connection)  # which it gets who still could send the rest


def test_client_that_takes_no_response_is_cut_off(impatient: Server) -> None:
    request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(impatient) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(OSError):  # noqa: PT011  # reset, or a broken pipe
            while True:  # until both sides' buffers are full, and beyond
                connection.sendall(request)
                time.sleep(0.001)


def test_client_that_pipelines_without_end_is_stopped(server: Server) -> None:
    """Requests that wait for those before them take memory; 33 are answered, then the connection ends."""
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(request * 1000)
        received = read_to_end(connection)
    assert received.count(b"HTTP/1.1 200 OK") == 33
    assert b"connection: close" in received.rsplit(b"HTTP/1.1", 1)[1]


def test_client_that_sends_too_much_reads_its_answer(server: Server) -> None:
    """Closed at once, the connection would be reset while the client still sends, and the answer lost."""
    body = json.dumps({"reviews": ["a" * 5_000_000]}).encode()
    with httpx.Client(timeout=PATIENCE) as client:
        for _ in range(5):
            response = client.post(f"{server.url}/predict", content=body, headers={"Content-Type": "application/json"})
            assert response.status_code == 413
            assert response.json()["limit"] == 2_000_000


def test_pipelined_garbage_does_not_cost_the_request_before_it(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(HEAD + BODY + b"\x00garbage\r\n\r\n")
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("half_close", [False, True])
@pytest.mark.parametrize("before", [1, 2])
def test_pipelined_request_with_a_malformed_body_ends_the_connection(
    server: Server, before: int, half_close: bool
) -> None:
    """At once after the answers to those before it: a connection that nobody listens to would wait for its time-out."""
    malformed = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n"
    with connect(server) as connection:
        connection.sendall((HEAD + BODY) * before + malformed)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = read_to_end(connection)
    assert received.count(b"HTTP/1.1 200 OK") == received.count(b"HTTP/1.1") == before


def test_pipelined_request_does_not_inherit_the_problem_of_the_one_before(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(
            b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /model HTTP/1.1\r\nHost: x\r\nX-Request-ID: behind-a-refusal\r\nConnection: close\r\n\r\n"
        )
        read_to_end(connection)
    server.wait_for("behind-a-refusal")
    (line,) = [line for line in server.logs() if line.get("request_id") == "behind-a-refusal"]
    assert line["status"] == 200
    assert "problem" not in line


def test_connections_leave_nothing_behind(impatient: Server) -> None:
    process = psutil.Process(impatient.process.pid)
    httpx.get(f"{impatient.url}/health/live")
    before = process.num_fds()
    connections = [connect(impatient) for _ in range(50)]
    for connection in connections:
        connection.sendall(HEAD[:40])
    deadline = time.monotonic() + PATIENCE
    while process.num_fds() > before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert process.num_fds() <= before
    for connection in connections:
        connection.close()


def test_reviews_that_wait_too_long_are_answered_504(models: Path) -> None:
    """The first part of a large request is scored; when its turn comes again, its time is up."""
    with serving(model_dir=models, deadline=0.001, runtime="litert") as server:
        response = httpx.post(f"{server.url}/predict", json={"reviews": ["a superb film " * 1000] * 100})
        assert response.status_code == 504
        assert response.json()["type"] == "urn:problem-type:sentiment:deadline-exceeded"
        # On a busy machine a millisecond may pass for a single one, too.
        wait_until(lambda: httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}).status_code == 200)


def test_client_that_sends_all_before_it_reads_is_not_reset(server: Server) -> None:
    """Clients that are told of a reset while they send never look for the answer."""
    body = b'{"reviews": ["' + b"a" * 20_000_000 + b'"]}'
    head = HEAD.replace(f"Content-Length: {len(BODY)}".encode(), f"Content-Length: {len(body)}".encode())
    with connect(server) as connection:
        connection.sendall(head + body)
        received = read_to_end(connection)
    assert received.startswith(b"HTTP/1.1 413 ")
