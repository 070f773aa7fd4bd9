"""Stops and crashes lose no request: real processes, real signals, clients that never pause."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.clients import BODY, HEAD, answered, load, outcomes_of
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, environment, run_app, serving, wait_until

both = pytest.mark.parametrize("workers", [1, 2])
UNHURRIED = {"runtime": "litert", "drain": 1000, "shutdown_timeout": 1000, "request_timeout": 1000}
"""No timeout of the service ends a test."""


@both
@pytest.mark.parametrize("drain", [0.5, 0])
def test_stop_loses_no_request(models: Path, workers: int, drain: float) -> None:
    """Without a balancer in front."""
    with serving(model_dir=models, workers=workers, drain=drain, runtime="litert") as server:
        with load(server.url) as clients:
            wait_until(lambda: answered(clients) > 1000)
            server.process.send_signal(signal.SIGTERM)
            for client in clients:
                client.join(PATIENCE)  # they notice that nobody listens any more
        assert server.process.wait(PATIENCE) == 0
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_stop_fails_readiness_first_and_still_answers(models: Path) -> None:
    with serving(model_dir=models, **UNHURRIED) as server, httpx.Client(base_url=server.url) as client:
        assert "Connection" not in client.get("/health/ready").headers
        assert number(scrape(server.url), "workers_ready") == 1
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        response = client.get("/health/ready")
        assert response.status_code == 503
        assert "stopping" in response.json()["detail"]
        assert client.get("/health/live").status_code == 200
        assert number(scrape(server.url), "workers_ready") == 0
        for _ in range(50):  # over new connections, as from a balancer that has not noticed yet
            response = httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]})
            assert (response.status_code, response.headers["Connection"]) == (200, "close")
        server.process.send_signal(signal.SIGTERM)


@both
def test_second_signal_stops_at_once(models: Path, workers: int) -> None:
    """Even if a request is still arriving."""
    with serving(model_dir=models, workers=workers, **UNHURRIED) as server, connect(server) as connection:
        connection.sendall(HEAD)
        wait_until(lambda: number(scrape(server.url), "open_connections") >= 1)
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


@both
def test_interrupt_skips_the_drain_period(models: Path, workers: int) -> None:
    with serving(model_dir=models, workers=workers, **UNHURRIED) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


def test_interrupt_from_a_terminal_skips_the_drain_period(models: Path) -> None:
    """A terminal sends SIGINT to the workers, too."""
    with serving(model_dir=models, workers=2, **UNHURRIED) as server:
        for pid in (*server.workers(), server.process.pid):
            os.kill(pid, signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize(("workers", "drain"), [(1, 1000), (2, 0)])
def test_stop_while_loading_needs_no_drain_period(models: Path, workers: int, drain: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env=environment(model_dir=models, workers=workers, port=0, log_format="json", drain=drain),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        server = Server(process)
        server.wait_for("Started server process")  # TensorFlow takes seconds to load
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
        server.reader.join(PATIENCE)
    assert not any("Traceback" in line for line in server.lines)


@both
def test_bundle_that_fails_its_golden_review_ends_the_service(damaged_golden: Path, workers: int) -> None:
    """Found by the workers, whose replacements would fail as well."""
    done = run_app(model_dir=damaged_golden.parent, workers=workers, runtime="litert", log_format="json", port=0)
    assert done.returncode == 1
    assert "should score 0.123" in done.stdout + done.stderr


def test_supervisor_ignores_requests_for_another_number_of_workers_and_stops_on_sighup(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        workers = server.workers()
        for sent in (signal.SIGTTIN, signal.SIGTTOU):
            server.process.send_signal(sent)
        time.sleep(1)  # two rounds of the supervisor
        assert server.workers() == workers
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(PATIENCE) == 0


def test_worker_that_crashes_is_replaced_while_the_other_answers(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        victim = server.workers()[0]
        with load(server.url) as clients:
            wait_until(lambda: answered(clients) > 1000)
            os.kill(victim, signal.SIGKILL)
            server.wait_for(rf'"pid":{victim},.*"worker died"')
            server.wait_ready(2)
            before = answered(clients)
            wait_until(lambda: answered(clients) > before + 1000)
        outcomes = outcomes_of(clients)
        lost = outcomes.total() - outcomes["200"]
        assert lost <= len(clients), outcomes  # what the victim was working on
        assert number(scrape(server.url), "worker_restarts_total") == 1
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


def test_stop_without_a_file_descriptor_left_finishes_what_was_accepted(models: Path) -> None:
    with serving(model_dir=models, runtime="litert") as server:
        process = psutil.Process(server.process.pid)
        with connect(server) as connection:
            connection.sendall(HEAD)
            assert httpx.get(f"{server.url}/health/live").status_code == 200  # so the one before it is accepted, too
            _, most = process.rlimit(psutil.RLIMIT_NOFILE)
            process.rlimit(psutil.RLIMIT_NOFILE, (3, most))
            process.terminate()
            wait_until(lambda: all(each.status != psutil.CONN_LISTEN for each in process.net_connections()))
            connection.sendall(BODY)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
            process.rlimit(psutil.RLIMIT_NOFILE, (most, most))  # uvloop needs some when it ends
        assert server.process.wait(PATIENCE) == 0


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=PATIENCE)
