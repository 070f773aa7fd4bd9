"""Errors and retries of the Python client."""

import pickle
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from review_sentiment_client import NoResponse, SentimentClient, ServiceError
from tests.clients_python.conftest import Connect
from tests.corpus import PLAIN
from tests.proxies import Reply, overloaded, proxying
from tests.scraping import number, scrape
from tests.servers import PATIENCE, Server, serving

REVIEWS = ["A superb and moving film"]
HTML = {"Content-Type": "text/html; charset=utf-8"}


def page(status: int) -> Reply:
    """A load balancer's error page."""
    return Reply(status, b"<html><h1>Sorry</h1></html>", HTML)


def test_error_of_the_service_is_typed_and_not_retried(connect: Connect, limited: Server) -> None:
    reviews = [*["Fine."] * 10, "x" * 1001, "Fine."]
    with proxying(limited.url, []) as proxy, pytest.raises(ServiceError) as caught:
        connect(proxy.url).predict(reviews)
    assert [request.path for request in proxy.received] == ["/model", "/predict", "/predict"]
    error = caught.value
    assert (error.status, error.type) == (422, "urn:problem-type:sentiment:review-too-long")
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
    with pytest.raises(ServiceError, match=message):
        connect(limited.url).predict([review])


def test_violations_are_typed(connect: Connect, limited: Server) -> None:
    with pytest.raises(ServiceError) as caught:
        connect(limited.url).explain(["Fine.", ""])
    assert caught.value.problem is not None
    assert [violation.location for violation in caught.value.problem.errors or ()] == ["reviews.1"]


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


def test_retry_waits_as_long_as_the_service_says(connect: Connect, limited: Server) -> None:
    date = formatdate(time.time() + 2, usegmt=True)  # in whole seconds, so one to two from now
    with proxying(limited.url, [overloaded("1"), overloaded("0"), overloaded(date)]) as proxy:
        predictions = connect(proxy.url).predict(REVIEWS)
    assert predictions[0].sentiment == "positive"
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
    assert (caught.value.status, caught.value.type) == (503, "urn:problem-type:sentiment:overloaded")
    assert "The limit of 1024 waiting reviews was reached" in str(caught.value)


def test_retries_end_before_the_time_is_over(connect: Connect, limited: Server) -> None:
    """The client does not begin a wait that would take too long."""
    started = time.monotonic()
    with proxying(limited.url, [overloaded("3")]) as proxy, pytest.raises(ServiceError):
        connect(proxy.url, max_seconds=2).predict(REVIEWS)
    assert time.monotonic() - started < 2
    with proxying(limited.url, [page(503)] * 9) as proxy, pytest.raises(ServiceError):
        connect(proxy.url, max_seconds=0.8).predict(REVIEWS)
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
    reviews = [" ".join(PLAIN * 200)] * 8
    with (
        serving(model_dir=models, runtime="numpy", max_explaining=1) as server,
        SentimentClient(server.url, timeout=PATIENCE, max_tries=1000, max_seconds=PATIENCE) as client,
        ThreadPoolExecutor(3) as threads,
    ):
        explanations = list(threads.map(client.explain, [reviews] * 3))
        assert number(scrape(server.url), "rejections_total", reason="overloaded") > 0
    assert [len(explained) for explained in explanations] == [8] * 3
