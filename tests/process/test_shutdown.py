"""Stops lose no request: real processes, real signals, clients that never pause."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.clients import HEAD, answered, load, outcomes_of
from tests.raw_http import connected
from tests.scraping import number, scrape
from tests.servers import PATIENCE, run_app, serving, starting, wait_until

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
                client.join(PATIENCE)  # until nothing listens any more
        assert server.process.wait(PATIENCE) == 0
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
    done = run_app(model_dir=damaged_golden.parent, workers=workers, runtime="litert", log_format="json", port=0)
    assert done.returncode == 1
    assert "should score 0.123" in done.stdout + done.stderr
