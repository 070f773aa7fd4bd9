"""The real service: processes, signals, sockets and logs."""

import json
import signal
import socket
import time
from pathlib import Path
from threading import Thread

import httpx
import pytest

from tests.servers import PATIENCE, ROOT, Server, ready_when_told, run_app, serving, wait_until

REVIEW = "A superb and moving film that nobody should ever log"


def test_server_logs_one_line_a_request_without_its_text(server: Server) -> None:
    response = httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}, headers={"X-Request-ID": "log-me"})
    assert response.status_code == 200
    httpx.post(f"{server.url}/predict", json={"reviews": [[REVIEW]]})
    server.wait_for("log-me")
    lines = [line for line in server.logs() if line.get("request_id") == "log-me"]
    assert len(lines) == 1
    assert lines[0].items() >= {"event": "request", "method": "POST", "path": "/predict", "status": 200}.items()
    assert lines[0]["ms"] > 0
    assert "superb" not in "".join(server.lines)


def test_console_log_does_not_steer_the_terminal(models: Path) -> None:
    with serving(model_dir=models, log_format="console", runtime="litert") as server:
        assert httpx.get(f"{server.url}/%1b[2J%07").status_code == 404
        line = server.wait_for(r".*x1b\[2J.*")[0]
    assert "\x1b[2J" not in line
    assert "\a" not in line


def test_server_start_is_quiet_and_structured(server: Server) -> None:
    for line in server.lines:
        json.loads(line)  # no line of TensorFlow's among them
    assert any(line["event"] == "ready" for line in server.logs())


def test_server_serves_many_clients_on_kept_connections(server: Server) -> None:
    statuses: list[int] = []

    def talk() -> None:
        with httpx.Client(base_url=server.url) as client:
            statuses.extend(client.post("/predict", json={"reviews": [REVIEW]}).status_code for _ in range(20))

    threads = [Thread(target=talk) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 160


def test_server_client_gone_while_sending_does_no_harm(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-ID: gone\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
    server.wait_for('"gone"')
    (line,) = [line for line in server.logs() if line.get("request_id") == "gone"]
    assert line["status"] == 499
    assert httpx.get(f"{server.url}/health/ready").status_code == 200


def test_server_refuses_a_large_body_before_it_arrives(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000000\r\n\r\n{"
        )
        assert b" 413 " in connection.recv(1000).split(b"\r\n")[0]


def test_server_on_sigterm_fails_readiness_first_and_finishes(models: Path) -> None:
    with serving(model_dir=models, drain=1000) as server:
        with httpx.Client(base_url=server.url) as client:
            assert client.get("/health/live").headers.get("Connection") != "close"
            server.process.send_signal(signal.SIGTERM)
            server.wait_for('"draining"')
            ready = client.get("/health/ready")
            assert ready.status_code == 503
            assert "stopping" in ready.json()["detail"]
            answer = client.post("/predict", json={"reviews": [REVIEW]})
            assert answer.status_code == 200
            assert answer.headers["Connection"] == "close"
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:  # each a new connection, as from a balancer that has not noticed yet
            assert httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}).status_code == 200
        server.process.send_signal(signal.SIGTERM)  # the second one ends the wait
        assert server.process.wait(PATIENCE) == 0


def test_server_asked_to_stop_while_loading_never_gets_ready(models: Path) -> None:
    with ready_when_told(model_dir=models, drain=1000) as (server, tell):
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        tell()
        server.wait_for('"ready"')
        assert httpx.get(f"{server.url}/health/ready").status_code == 503
        assert httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


def test_server_interrupted_while_loading_exits_cleanly(models: Path) -> None:
    with serving(model_dir=models) as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


def test_server_with_two_workers_serves_and_stops(models: Path) -> None:
    with serving(model_dir=models, workers=2) as server:
        server.wait_for('"ready"')
        wait_until(lambda: sum(line["event"] == "ready" for line in server.logs()) == 2)
        for _ in range(10):
            assert httpx.post(f"{server.url}/predict", json={"reviews": [REVIEW]}).status_code == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


def test_server_with_a_failing_golden_review_ends_with_an_error(damaged_golden: Path) -> None:
    """Found only once TensorFlow has loaded, when the port is open already."""
    with serving(model_dir=damaged_golden.parent, drain=1000) as server:
        server.wait_for("should score 0.123")
        assert server.process.wait(PATIENCE) == 1


@pytest.mark.parametrize(
    ("settings", "status", "message"),
    [
        ({"model_dir": "/nowhere"}, 1, "SENTIMENT_MODEL_DIR"),
        ({"model_version": "99"}, 1, "SENTIMENT_MODEL_VERSION"),
        ({"port": "http"}, 2, "SENTIMENT_PORT"),
        ({"port": "70000"}, 2, "SENTIMENT_PORT"),
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
    done = run_app(port=server.url.rsplit(":", 1)[1])
    assert done.returncode == 3
    assert "address already in use" in (done.stdout + done.stderr).lower()


def test_command_openapi_writes_the_document() -> None:
    done = run_app("openapi")
    assert json.loads(done.stdout) == json.loads((ROOT / "openapi.json").read_text())
