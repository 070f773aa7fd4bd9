"""Stops lose no request: real processes, real signals, clients that never pause."""

import json
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests.clients import BODY, HEAD, answered, load, outcomes_of
from tests.raw_http import connected, request
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, run_app, serving, starting, wait_until

JSON = "Content-Type: application/json"
both = pytest.mark.parametrize("workers", [1, 2])
UNHURRIED = {"runtime": "numpy", "drain": 1000, "shutdown_timeout": 1000, "request_timeout": 1000}
"""No timeout of the service ends a test."""


@both
@pytest.mark.parametrize("drain", [0.5, 0])
def test_stop_loses_no_request(models: Path, workers: int, drain: float) -> None:
    """Without a balancer in front."""
    with serving(model_dir=models, workers=workers, drain=drain, runtime="numpy") as server:
        with load(server.url) as clients:
            wait_until(lambda: answered(clients) > 1000)
            server.process.send_signal(signal.SIGTERM)
            for client in clients:
                client.join(PATIENCE)  # until nothing listens any more
        assert server.process.wait(PATIENCE) == 0
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


EXPLAINED = [" ".join(list(json.loads((ROOT / "models/imdb/1/word_index.json").read_text()))[:6000])] * 8
"""Reviews whose explanation takes longer than the second between two updates of the gauge."""


def test_stop_of_several_workers_finishes_slow_and_pausing_requests() -> None:
    """Even if all of them are signalled, as by systemd, and then again by the supervisor."""
    settings = UNHURRIED | {"drain": 2, "deadline": 1000, "max_explained_length": 50_000}
    with ExitStack() as stack:
        server = stack.enter_context(serving(workers=2, **settings))
        clients = stack.enter_context(load(server.url, count=25, pause=1))
        uploads = [stack.enter_context(connected(server)) for _ in range(20)]
        explanations = [stack.enter_context(connected(server)) for _ in range(8)]
        for upload in uploads:
            upload.send(HEAD + BODY[:-1])
        wait_until(lambda: answered(clients) > 50)
        for explanation in explanations:
            explanation.send(explain_request(EXPLAINED))
        wait_until(lambda: number(scrape(server.url), "explanations_in_progress") > 0)
        for pid in (*server.workers(), server.process.pid):
            os.kill(pid, signal.SIGTERM)
        server.wait_for('"Shutting down"')  # after the drain period
        for upload in uploads:
            upload.send(BODY[-1:])
        assert [upload.answer().status for upload in uploads] == [200] * 20
        assert {explanation.answer().status for explanation in explanations} <= {200, 503}  # 503: too many of them
        for client in clients:
            client.join(PATIENCE)
        assert server.process.wait(PATIENCE) == 0
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def explain_request(reviews: list[str]) -> bytes:
    body = json.dumps({"reviews": reviews}).encode()
    return request("POST /explain HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", JSON, body=body)


@both
def test_request_that_the_stop_cuts_off_is_answered(models: Path, workers: int) -> None:
    """The log and the metrics agree with what the client got."""
    with serving(model_dir=models, workers=workers, runtime="numpy", shutdown_timeout=1) as server:
        with connected(server) as connection:
            connection.send(HEAD.replace(b"Host: x", b"Host: x\r\nX-Request-ID: cut-off"))
            wait_until(lambda: number(scrape(server.url), "open_connections") >= 1)
            server.process.send_signal(signal.SIGTERM)
            answer = connection.answer()
            assert (answer.status, answer.headers["Connection"]) == (503, "close")
            assert answer.json["type"] == "/problems/not-serving"
        assert server.process.wait(PATIENCE) == 0
    (line,) = [line for line in server.logs() if line.get("request_id") == "cut-off"]
    assert (line["event"], line["status"], line["problem"]) == ("request", 503, "not-serving")
    assert not any("exception" in line for line in server.logs())


def test_stop_does_not_wait_for_a_worker_that_hangs(models: Path) -> None:
    with serving(model_dir=models, workers=3, runtime="numpy", shutdown_timeout=1) as server:
        stopped, *_ = server.workers()
        os.kill(stopped, signal.SIGSTOP)
        started = time.monotonic()
        for _ in range(40):
            server.process.send_signal(signal.SIGHUP)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        assert time.monotonic() - started < 5
        assert server.process.wait(PATIENCE) == 0
        assert time.monotonic() - started < 15  # seven on an idle machine
        assert not psutil.pid_exists(stopped)


def test_workers_stop_if_the_supervisor_is_killed(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        workers = [psutil.Process(pid) for pid in server.workers()]
        with load(server.url) as clients:
            wait_until(lambda: answered(clients) > 500)
            server.process.kill()
            _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
            assert not alive
        assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_stop_fails_readiness_first_and_still_answers(models: Path) -> None:
    with serving(model_dir=models, **UNHURRIED) as server, httpx.Client(base_url=server.url) as client:
        assert "Connection" not in client.get("/health/ready").headers
        assert number(scrape(server.url), "workers_ready") == 1
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert number(scrape(server.url), "workers_ready") == 0
        for _ in range(50):  # over new connections, as from a balancer that has not noticed yet
            response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]})
            assert (response.status_code, response.headers["Connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)


@both
def test_second_signal_stops_at_once(models: Path, workers: int) -> None:
    """Even if a request is still arriving."""
    with serving(model_dir=models, workers=workers, **UNHURRIED) as server, connected(server) as connection:
        connection.send(HEAD)
        wait_until(lambda: number(scrape(server.url), "open_connections") >= 1)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(("workers", "terminal"), [(1, False), (2, False), (2, True)])
def test_interrupt_skips_the_drain_period(models: Path, workers: int, terminal: bool) -> None:
    """A terminal sends SIGINT to the workers, too."""
    with serving(model_dir=models, workers=workers, **UNHURRIED) as server:
        for pid in (*(server.workers() if terminal else []), server.process.pid):
            os.kill(pid, signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(("workers", "drain"), [(1, 1000), (2, 0)])
def test_stop_while_loading_needs_no_drain_period(models: Path, workers: int, drain: int) -> None:
    with starting(model_dir=models, workers=workers, drain=drain) as server:
        server.wait_for("Started server process")  # TensorFlow takes seconds to load
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
    assert not any("Traceback" in line for line in server.lines)


@both
def test_bundle_that_fails_its_golden_review_ends_the_service(damaged_golden: Path, workers: int) -> None:
    """Found by the workers, whose replacements would fail as well."""
    done = run_app(model_dir=damaged_golden.parent, workers=workers, runtime="numpy", log_format="json", port=0)
    assert done.returncode == 1
    assert "should score 0.123" in done.stdout + done.stderr
    assert "next_try_seconds" not in done.stdout
