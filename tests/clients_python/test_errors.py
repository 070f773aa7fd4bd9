"""Errors and retries of the Python client."""

import asyncio
import gzip
import json
import pickle
import socket
import sys
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from threading import Thread

import httpx
import pytest

from review_sentiment_client import AsyncSentimentClient, NoResponse, SentimentClient, SentimentError, ServiceError
from tests.clients_python.conftest import Connect
from tests.corpus import PLAIN
from tests.proxies import Reply, overloaded, proxying
from tests.scraping import number, scrape
from tests.servers import PATIENCE, Server, serving

REVIEWS = ["A superb and moving film"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


def page(status: int) -> Reply:
    """A load balancer's error page."""
    return Reply(status, b"<html><h1>Sorry</h1></html>", HTML)


def described(server: Server) -> Reply:
    """The response to the client's first request, which asks for the limits."""
    return Reply(200, httpx.get(f"{server.url}/model").content, JSON)


@contextmanager
def sending(first: bytes, chunk: bytes, count: int, pause: float = 0.0) -> Iterator[str]:
    """A server that sends each client some bytes, then many chunks, with pauses, until the client leaves."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(first)
                for _ in range(count):
                    connection.sendall(chunk)
                    time.sleep(pause)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_error_of_the_service_is_typed_and_not_retried(connect: Connect, limited: Server) -> None:
    reviews = [*["Fine."] * 10, "x" * 1001, "Fine."]
    with proxying(limited.url, []) as proxy, pytest.raises(ServiceError) as caught:
        connect(proxy.url).predict(reviews)
    assert [request.path for request in proxy.received] == ["/model", "/predict", "/predict"]
    error = caught.value
    assert (error.status, error.type) == (422, "/problems/review-too-long")
    assert error.detail == "A review may have at most 1000 characters; reviews.2 has 1001. Shorten or split it."
    assert error.problem is not None
    assert (error.problem.limit, error.problem.received) == (1000, 1001)
    assert error.problem.index is not None
    assert error.first + error.problem.index == 10
    assert error.request_id is not None
    limited.wait_for(error.request_id)
    assert str(error) == f"422: {error.detail} (request {error.request_id}, its reviews are counted from 8)"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("review", "message"),
    [(" ", "this one is blank"), ("\ud800", "Invalid JSON"), ("x" * 30_000, "at most 20000 bytes")],
)
def test_review_that_is_not_accepted_has_a_reason(connect: Connect, limited: Server, review: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        connect(limited.url).explain([review])
    assert caught.value.problem is not None
    violations = [violation.location for violation in caught.value.problem.errors or ()]
    assert violations == {" ": ["reviews.0"], "\ud800": ["body"]}.get(review, [])


@pytest.mark.parametrize("reply", [page(502), page(404), Reply(500, b"", {}), Reply(301, b"", {"Location": "/x"})])
def test_error_page_of_a_balancer_is_clear_and_not_retried(connect: Connect, limited: Server, reply: Reply) -> None:
    with proxying(limited.url, [reply]) as proxy, pytest.raises(ServiceError) as caught:
        connect(proxy.url).predict(REVIEWS)
    error = caught.value
    assert (error.status, error.type, error.request_id) == (reply.status, "about:blank", None)
    assert "does not come from the service, but perhaps from a proxy" in error.detail
    assert ("text/html" if reply.content else "without a Content-Type") in error.detail
    assert len(proxy.received) == 1


@pytest.mark.parametrize("content", [b"<html>Please log in</html>", b"[]", b"{}", b'"name"', b"\xff", b'{"limits": 1}'])
def test_success_of_another_service_is_an_error(connect: Connect, limited: Server, content: bytes) -> None:
    with proxying(limited.url, [Reply(200, content, HTML)]) as proxy, pytest.raises(ServiceError) as caught:
        connect(proxy.url).predict(REVIEWS)
    assert caught.value.detail.endswith(f"Check the URL: {proxy.url}/model should return a ModelResponse.")


@pytest.mark.parametrize("path", ["predict", "explain"])
@pytest.mark.parametrize("number", [1, 5])
def test_another_number_of_results_is_an_error(connect: Connect, limited: Server, path: str, number: int) -> None:
    content = httpx.post(f"{limited.url}/{path}", json={"reviews": REVIEWS * number}).content
    with (
        proxying(limited.url, [described(limited), Reply(200, content, JSON)]) as proxy,
        pytest.raises(ServiceError, match=f"200: .*/{path} returned {number} results for 2 reviews") as caught,
    ):
        getattr(connect(proxy.url), path)(REVIEWS * 2)
    assert (caught.value.status, caught.value.type) == (200, "about:blank")


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        *[("predict", "positive_probability", value) for value in ("NaN", "1.01", '"0.9"', "true", "null")],
        ("predict", "positive_probability", "[" * 100_000 + "]" * 100_000),
        ("predict", "sentiment", "1"),
        ("predict", "words", "5.0"),
        ("explain", "terms", "[null]"),
        ("explain", "unknown_words", '"ab"'),
        ("model", "max_body_bytes", '"20000"'),
    ],
)
def test_result_that_cannot_be_right_is_an_error(
    connect: Connect, limited: Server, path: str, field: str, value: str
) -> None:
    replies = [described(limited)]
    if path != "model":
        replies.append(Reply(200, httpx.post(f"{limited.url}/{path}", json={"reviews": REVIEWS}).content, JSON))
    content = json.loads(replies[-1].content)
    part = content["limits"] if path == "model" else (content.get("predictions") or content["explanations"])[0]
    assert field in part
    part[field] = "changed"
    replies[-1] = Reply(200, json.dumps(content).replace('"changed"', value).encode(), JSON)
    kind = {"predict": "PredictResponse", "explain": "ExplainResponse", "model": "ModelResponse"}[path]
    with (
        proxying(limited.url, replies) as proxy,
        pytest.raises(ServiceError, match=f"{proxy.url}/{path} should return a {kind}"),
    ):
        client = connect(proxy.url)
        (client.explain if path == "explain" else client.predict)(REVIEWS)


@pytest.mark.parametrize(
    "arguments",
    [
        *((url,) for url in ("127.0.0.1:8000", "http://\ud800", "http://x\n", f"http://{'a' * 64}.example")),
        *(("http://127.0.0.1:9", key) for key in ("ключ", "the key\n")),
        *(("http://127.0.0.1:9", None, version) for version in ("\ud800", "x" * 70_000)),
    ],
)
def test_what_cannot_be_sent_is_no_response(connect: Connect, arguments: tuple[str, ...]) -> None:
    url, key, version = (*arguments, None, None)[:3]
    with pytest.raises(NoResponse) as caught:
        connect(url, key, max_tries=1).model(version)
    assert key is None or key not in str(caught.value)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("first", [HEAD, HEAD + b"Content-Length: 600\r\n\r\n"], ids=["headers", "body"])
def test_timeout_ends_a_response_of_one_byte_at_a_time(connect: Connect, first: bytes) -> None:
    with (
        sending(first, b" ", 600, 0.02) as url,
        pytest.raises(NoResponse, match=r"after 1 try: the call took longer than its timeout of 0\.5 s"),
    ):
        connect(url, timeout=0.5).model()


def test_timeout_is_for_all_requests_of_a_call(connect: Connect, limited: Server) -> None:
    """Each of them takes half a second, because it is retried."""
    content = httpx.post(f"{limited.url}/predict", json={"reviews": REVIEWS * 8}).content
    replies = [page(503), Reply(200, content, JSON)] * 20
    with proxying(limited.url, [described(limited), *replies]) as proxy, pytest.raises(SentimentError):
        connect(proxy.url, timeout=2).predict(REVIEWS * 160)


def test_endless_response_is_an_error_and_leaves_nothing_to_close_later() -> None:
    """Python reports iterators and tasks that outlive their event loop wherever it happens to collect them."""
    closing_later: list[object] = []

    async def ask(url: str) -> None:
        _, close = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(finalizer=closing_later.append)
        try:
            async with AsyncSentimentClient(url) as client:
                with pytest.raises(ServiceError, match="more than 1000000 bytes"):
                    await client.model()
        finally:
            sys.set_asyncgen_hooks(finalizer=close)

    with sending(HEAD + b"Content-Length: 200000000\r\n\r\n", b" " * 100_000, 2000) as url:
        asyncio.run(ask(url))
    assert not closing_later


def test_compressed_response_is_not_expanded(connect: Connect, limited: Server) -> None:
    content = gzip.compress(bytes(40_000_000), compresslevel=1)
    with proxying(limited.url, [described(limited), Reply(200, content, JSON | {"Content-Encoding": "gzip"})]) as proxy:
        tracemalloc.start()
        try:
            with pytest.raises(ServiceError):
                connect(proxy.url).predict(REVIEWS)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "value", ["Wed, 02 Dec 99999999999 08:04:09 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "soon", "9" * 400]
)
def test_retry_after_that_makes_no_sense_is_no_other_error(connect: Connect, limited: Server, value: str) -> None:
    with proxying(limited.url, [overloaded(value)] * 2) as proxy, pytest.raises(ServiceError, match="503"):
        connect(proxy.url, max_tries=2).predict(REVIEWS)


def test_retry_waits_as_long_as_the_service_or_a_balancer_says(connect: Connect, limited: Server) -> None:
    date = formatdate(time.time() + 3, usegmt=True)  # in whole seconds, so one to two after the first second
    replies = [Reply(429, b"", {"Retry-After": "1"}), overloaded("0"), overloaded(date)]
    with proxying(limited.url, replies) as proxy:
        assert connect(proxy.url).predict(REVIEWS)[0].sentiment == "positive"
    first, second, third, fourth, _ = (request.time for request in proxy.received)
    assert second - first >= 1
    assert third - second < second - first
    assert date <= formatdate(time.time() - (time.monotonic() - fourth), usegmt=True)


def test_retry_without_a_time_backs_off(connect: Connect, limited: Server) -> None:
    """After a closed connection, and after the 503 of a balancer that has no replica."""
    with proxying(limited.url, [None, page(503)]) as proxy:
        assert connect(proxy.url).predict(REVIEWS)[0].sentiment == "positive"
    first, second, third, _ = (request.time for request in proxy.received)
    assert 0.5 <= second - first < third - second
    assert third - second >= 1


def test_retries_end_after_the_last_try(connect: Connect, limited: Server) -> None:
    with proxying(limited.url, [overloaded("0")] * 9) as proxy, pytest.raises(ServiceError) as caught:
        connect(proxy.url, max_tries=3).predict(REVIEWS)
    assert len(proxy.received) == 3
    assert (caught.value.status, caught.value.type) == (503, "/problems/overloaded")
    assert "The limit of 1024 waiting reviews was reached" in str(caught.value)


def test_retries_end_before_the_time_is_over(connect: Connect, limited: Server) -> None:
    """The client does not begin a wait that would take too long."""
    started = time.monotonic()
    with proxying(limited.url, [overloaded("3")]) as proxy, pytest.raises(ServiceError):
        connect(proxy.url, timeout=2).predict(REVIEWS)
    assert time.monotonic() - started < 2
    with proxying(limited.url, [page(503)] * 9) as proxy, pytest.raises(ServiceError):
        connect(proxy.url, timeout=1.4).predict(REVIEWS)
    assert len(proxy.received) == 2


def test_closed_port_is_no_response(connect: Connect, free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """And each retry is logged."""
    client = connect(f"http://127.0.0.1:{free_port}", max_tries=2)
    with pytest.raises(NoResponse, match=r"GET http.+/model after 2 tries: .+") as caught:
        client.predict(REVIEWS)
    own = [record for record in caplog.records if record.name.startswith("review_sentiment_client")]
    assert [record.levelname for record in own] == ["WARNING"]
    assert f"127.0.0.1:{free_port}/model after 1 try: " in own[0].getMessage()
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_timeout_is_not_retried(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = connect(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2, max_tries=2)
        with pytest.raises(NoResponse, match=r"after 1 try: .+"):
            client.predict(REVIEWS)


def test_busy_service_answers_after_retries(models: Path) -> None:
    """It explains one request at a time; the threads that share the client get 503 from it."""
    reviews = [" ".join(PLAIN * 100)] * 8
    with (
        serving(model_dir=models, runtime="numpy", max_waiting=128) as server,
        SentimentClient(server.url, timeout=PATIENCE, max_tries=1000) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        explanations = list(threads.map(client.explain, [reviews] * 3))
        assert number(scrape(server.url), "rejections_total", reason="overloaded") > 0
    assert [len(explained) for explained in explanations] == [8] * 3
