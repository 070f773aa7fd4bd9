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
from tests.servers import PATIENCE, ROOT, Server, environment, run_app, run_python, serving, wait_until

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


def test_console_log_has_no_control_characters_of_clients(models: Path) -> None:
    with serving(model_dir=models, log_format="console", runtime="numpy") as server:
        assert httpx.get(f"{server.url}/%1b[2J%07").status_code == 404
        line = server.wait_for(r".*x1b\[2J.*")[0]
    assert "\x1b[2J" not in line
    assert "\a" not in line


def test_client_that_disconnects_while_sending_does_no_harm(server: Server) -> None:
    with connected(server) as connection:
        head = ("Host: x", "Content-Type: application/json", "X-Request-ID: gone", "Content-Length: 100")
        connection.send(request("POST /predict HTTP/1.1", *head, body=b"{"))
    server.wait_for('"gone"')
    (line,) = [line for line in server.logs() if line.get("request_id") == "gone"]
    assert line["status"] == 499
    assert httpx.get(f"{server.url}/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("workers", "redirection"), [(1, ">/dev/full"), (2, ">/dev/full"), (1, ">&-"), (2, "<&- >&- 2>&-")]
)
def test_log_that_cannot_be_written_fails_no_request(
    models: Path, free_port: int, tmp_path: Path, workers: int, redirection: str
) -> None:
    """On a full disk, or without the standard streams."""
    command = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "app"]
    env = environment(model_dir=models, runtime="numpy", workers=workers, port=free_port, drain=0)
    errors = tmp_path / "stderr"
    with errors.open("w") as stderr, subprocess.Popen(command, cwd=ROOT, env=env, stderr=stderr) as process:
        try:
            url = f"http://127.0.0.1:{free_port}"
            with httpx.Client(base_url=url, timeout=PATIENCE) as client:
                wait_until(lambda: process.poll() is not None or answers(client))
                for reviews, status in (([REVIEW], 200), ([], 422)):
                    assert client.post("/predict", json={"reviews": reviews}).status_code == status
            wait_until(lambda: number(scrape(url), "log_lines_dropped_total") > 0)
        finally:
            process.terminate()
    assert process.returncode == 0
    assert errors.read_text() == ""  # no traceback of the standard library for every line of uvicorn


@pytest.mark.parametrize("workers", [1, 2])
def test_log_that_nobody_reads_holds_up_nothing(models: Path, workers: int) -> None:
    """Not even the supervisor. Lines that do not fit are counted, and reported when somebody reads again."""
    env = environment(model_dir=models, runtime="numpy", workers=workers, port=0, log_format="json", drain=0)
    command = [sys.executable, "-m", "app"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = map(json.loads, process.stdout)  # nobody reads until the test wants the next line
        try:
            ready: list[int] = []
            url = None
            while not url or len(ready) < workers:
                line = next(lines)
                ready += [line["pid"]] if line["event"] == "ready" else []
                url = url or ((match := re.search(r"http://[\d.]+:\d+", line["event"])) and match[0])
            fill_log(url)
            assert httpx.get(f"{url}/health/live", timeout=PATIENCE).status_code == 200
            if workers > 1:
                os.kill(ready[0], signal.SIGKILL)
                wait_until(lambda: number(scrape(url), "worker_restarts_total") == 1)
                wait_until(lambda: number(scrape(url), "workers_ready") == workers)
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
        ({"api_key": "0123456789-abcdef"}, 2, "did you mean SENTIMENT_API_KEYS?"),
        ({"runtime": "abacus"}, 2, "SENTIMENT_RUNTIME"),
        ({"workers": "0"}, 2, "SENTIMENT_WORKERS"),
        ({"max_waiting": "10"}, 2, "SENTIMENT_MAX_WAITING (10) must be at least SENTIMENT_MAX_REVIEWS (128)"),
    ],
)
def test_command_with_a_wrong_setting_names_it(settings: dict[str, object], status: int, message: str) -> None:
    done = run_app(**settings)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_command_on_a_taken_port_fails(server: Server) -> None:
    """And names the variables that set nothing."""
    done = run_app(port=server.url.rsplit(":", 1)[1], flavour="mild")
    assert done.returncode == 3
    assert re.search("warning.*SENTIMENT_FLAVOUR|SENTIMENT_FLAVOUR.*warning", done.stdout)
    assert "Address already in use" in done.stderr
    assert "--port or SENTIMENT_PORT sets another port" in done.stderr
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
