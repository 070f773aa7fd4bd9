"""The real service: logs, settings and commands."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.raw_http import connected, request
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, environment, run_app, run_python, running, wait_until

REVIEW = "A superb and moving film that nobody should ever log"


def test_log_has_one_json_line_per_request_without_its_text(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}, headers={"X-Request-ID": "log-me"})
    assert response.status_code == 200
    assert httpx.post(f"{server.url}/predict", json={"reviews": [[REVIEW]]}).status_code == 422
    server.wait_for("log-me")
    lines = [json.loads(line) for line in server.lines]  # those of the start as well
    assert any(line["event"] == "ready" for line in lines)
    (line,) = [line for line in lines if line.get("request_id") == "log-me"]
    assert line.items() >= {"event": "request", "method": "POST", "path": "/predict", "status": 200}.items()
    assert line["ms"] > 0
    assert "superb" not in "".join(server.lines)


def test_client_that_disconnects_while_sending_does_no_harm(server: Server) -> None:
    with connected(server) as connection:
        head = ("Host: x", "Content-Type: application/json", "X-Request-ID: gone", "Content-Length: 100")
        connection.send(request("POST /predict HTTP/1.1", *head, body=b"{"))
    server.wait_for('"gone"')
    (line,) = [line for line in server.logs() if line.get("request_id") == "gone"]
    assert line["status"] == 499
    assert httpx.get(f"{server.url}/health/ready").status_code == 200


@pytest.mark.parametrize(("workers", "redirection"), [(1, ">/dev/full"), (2, "<&- >&- 2>&-")])
def test_log_that_cannot_be_written_fails_no_request(
    models: Path, free_port: int, workers: int, redirection: str
) -> None:
    """On a full disk, or without the standard streams."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "app"]
    env = environment(model_dir=models, runtime="numpy", workers=workers, port=free_port, drain=0)
    url = f"http://127.0.0.1:{free_port}"
    with running(command, cwd=ROOT, env=env) as server, httpx.Client(base_url=url, timeout=PATIENCE) as client:
        wait_until(lambda: server.process.poll() is not None or answers(client))
        for reviews, status in (([REVIEW], 200), ([], 422)):
            assert client.post("/predict", json={"reviews": reviews}).status_code == status
        wait_until(lambda: number(scrape(url), "log_lines_dropped_total") > 0)
    assert server.process.returncode == 0
    assert not server.lines  # on standard error: no traceback of the standard library for every line of uvicorn


def test_log_that_nobody_reads_holds_up_nothing(models: Path) -> None:
    """Not even the supervisor. Lines that do not fit are counted, and reported when somebody reads again."""
    env = environment(model_dir=models, runtime="numpy", workers=2, port=0, log_format="json", drain=0)
    command = [sys.executable, "-m", "app"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)  # nobody reads until the test wants the next line
        try:
            ready: list[int] = []
            url = None
            while not url or len(ready) < 2:
                line = next(lines)
                ready += [line["pid"]] if line["event"] == "ready" else []
                url = url or ((match := re.search(r"http://[\d.]+:\d+", line["event"])) and match[0])
            fill_log(url)
            assert httpx.get(f"{url}/health/live", timeout=PATIENCE).status_code == 200
            os.kill(ready[0], signal.SIGKILL)
            wait_until(lambda: number(scrape(url), "worker_restarts_total") == 1)
            wait_until(lambda: number(scrape(url), "workers_ready") == 2)
            fill_log(url)
            reports = (line["lines"] for line in lines if line["event"] == "log lines dropped")
            assert next(reports) > 0
            fill_log(url)
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def fill_log(url: str) -> None:
    """Send requests with long log lines (below PIPE_BUF, so that no kill can cut one) until some are dropped."""
    before = number(scrape(url), "log_lines_dropped_total")
    with httpx.Client(timeout=PATIENCE) as client:
        for _ in range(100):
            for _ in range(20):
                assert client.get(f"{url}/{'long' * 900}").status_code == 404
            if number(scrape(url), "log_lines_dropped_total") > before:
                return
    pytest.fail("no line was dropped")


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.ConnectError:
        return False


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ({"model_dir": "/nowhere"}, 1, "SENTIMENT_MODEL_DIR"),
        ({"model_version": "99"}, 1, "SENTIMENT_MODEL_VERSION"),
        ({"port": "70000"}, 2, "SENTIMENT_PORT"),
        ({"max_waiting": "10"}, 2, "SENTIMENT_MAX_WAITING (10) must be at least SENTIMENT_MAX_REVIEWS (128)"),
    ],
)
def test_command_with_a_wrong_setting_names_it(settings: dict[str, object], status: int, message: str) -> None:
    done = run_app(**settings)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "message"), [("port", "--port or SENTIMENT_PORT sets"), ("metrics_port", "SENTIMENT_METRICS_PORT sets")]
)
def test_command_on_a_taken_port_fails(models: Path, server: Server, setting: str, message: str) -> None:
    """And names the variables that set nothing."""
    taken = {"port": 0, setting: server.url.rsplit(":", 1)[1]}
    done = run_app(model_dir=models, runtime="numpy", flavour="mild", **taken)
    assert done.returncode == 3
    assert re.search("warning.*SENTIMENT_FLAVOUR|SENTIMENT_FLAVOUR.*warning", done.stdout)
    assert "Address already in use" in done.stderr
    assert f"{message} another port" in done.stderr
    assert "Traceback" not in done.stderr


def test_unexpected_error_during_the_start_is_logged_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text('raise FileNotFoundError("no temporary folder")')
    done = run_python("-m", "app", env=environment(runtime="tensorflow", port=0) | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "cannot serve" in line]
    assert "no temporary folder" in line
    assert "tensorflow.py" in line


def test_command_openapi_writes_the_document() -> None:
    assert json.loads(run_app("openapi").stdout) == json.loads((ROOT / "openapi.json").read_text())
