"""Two replicas behind the real nginx, with the configuration that compose uses: no restart or crash costs a request."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.clients import answered, load, outcomes_of
from tests.raw_http import connected_to, request
from tests.servers import PATIENCE, ROOT, serving, wait_until

REQUESTS = 20_000
CONFIGURATION = ROOT / "deploy/nginx.conf"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [free.getsockname()[1] for free in sockets]


@contextmanager
def nginx(folder: Path, port: int, replicas: list[int]) -> Iterator[str]:
    """Run nginx as the user who runs the tests, with the committed configuration and these replicas."""
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if binary is None:
        pytest.skip("no nginx: apt-get install nginx-light, or brew install nginx")
    site = CONFIGURATION.read_text().replace("listen 80;", f"listen 127.0.0.1:{port};")
    for line in [line for line in site.splitlines() if "server sentiment:8000" in line]:
        own = [line.replace("sentiment:8000", f"127.0.0.1:{replica}") for replica in replicas]
        site = site.replace(line, "\n".join(own))
    (folder / "site.conf").write_text(site)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; {paths} include {folder}/site.conf; }}\n"
    )
    process = subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _listens(port))
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_rolling_restart_of_two_replicas_fails_no_request(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(3)
    with ExitStack() as stack:
        settings = {"model_dir": models, "runtime": "litert", "drain": 2, "log_level": "warning"}
        running = [stack.enter_context(serving(**settings, port=port)) for port in ports]
        for server in running:
        url = stack.enter_context(nginx(tmp_path, balancer, ports))
        with load(url) as clients:
            for port, server in zip(ports, running, strict=True):
                before = answered(clients)
                wait_until(lambda before=before: answered(clients) > before + 1000)  # type: ignore[misc]
                server.process.send_signal(signal.SIGTERM)
                assert server.process.wait(PATIENCE) == 0
                successor = stack.enter_context(serving(**settings, port=port))
            wait_until(lambda: answered(clients) >= REQUESTS)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_crash_of_a_replica_fails_no_request(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(3)
    with ExitStack() as stack:
        settings = {"model_dir": models, "runtime": "litert", "log_level": "warning"}
        running = [stack.enter_context(serving(**settings, port=port)) for port in ports]
        for server in running:
        url = stack.enter_context(nginx(tmp_path, balancer, ports))
        with load(url) as clients:
            wait_until(lambda: answered(clients) > 2000)
            running[0].process.kill()
            time.sleep(2)  # longer than nginx leaves it alone
            stack.enter_context(serving(**settings, port=ports[0]))
            wait_until(lambda: answered(clients) >= REQUESTS)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_balancer_explains_itself_when_no_replica_answers(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(3)
    with nginx(tmp_path, balancer, ports) as url:
        response = httpx.post(f"{url}/predict", json={"reviews": ["superb"]})
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["Retry-After"] == "1"
        assert response.json()["type"] == "urn:problem-type:sentiment:not-serving"
        response = httpx.post(f"{url}/predict", content=b"x" * 4_000_000)
        assert response.status_code == 413
        assert response.json()["type"] == "urn:problem-type:sentiment:body-too-large"
        for path in ("/v2/models/imdb/infer", "/v1/models/imdb:predict"):
            for content, status in ((b"{}", 503), (b"x" * 4_000_000, 413)):
                response = httpx.post(f"{url}{path}", content=content)
                assert response.status_code == status
                assert response.headers["Content-Type"] == "application/json"
                assert response.json().keys() == {"error"}
                assert ("Retry-After" in response.headers) == (status == 503)
        for page in ("/too-large/problem", "/unavailable/protocol"):
            response = httpx.get(f"{url}{page}")  # nginx's own, not for asking
            assert response.status_code == 404
            assert response.json()["type"] == "urn:problem-type:sentiment:not-found"


def test_balancer_and_service_refuse_what_is_no_request_in_the_same_form(models: Path, tmp_path: Path) -> None:
    """What nginx lets through, the service answers; what it does not, it answers itself."""
    balancer, *ports = free_ports(2)
    with serving(model_dir=models, runtime="litert", port=ports[0]) as server:
        with nginx(tmp_path, balancer, ports) as url:
            for size, status, kind in ((9_000, 414, "uri-too-long"), (40_000, 414, "uri-too-long")):
                assert answer_of(url, request(f"GET /{'x' * size} HTTP/1.1", "Host: x")) == (status, kind)
            for size, status, kind in ((9_000, 404, "not-found"), (40_000, 431, "headers-too-large")):
                headers = ("Host: x", f"X: {'x' * size}")
                assert answer_of(url, request("GET /nowhere HTTP/1.1", *headers)) == (status, kind)
                code, error = answer_of(url, request("GET /v2/nowhere HTTP/1.1", *headers))
                assert code == status
                assert error.endswith(".")  # for people; a kind of problem does not
            assert answer_of(url, request("GET / HTTP/1.1")) == (400, "malformed-request")


def test_balancer_believes_nobody_who_they_are(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(2)
    with serving(model_dir=models, runtime="litert", port=ports[0]) as server:
        with nginx(tmp_path, balancer, ports) as url:
            httpx.get(f"{url}/model", headers={"X-Forwarded-For": "1.2.3.4", "X-Request-ID": "whoever"})
        server.wait_for("whoever")
        (line,) = [line for line in server.logs() if line.get("request_id") == "whoever"]
        assert line["client"] == "127.0.0.1"


def answer_of(url: str, sent: bytes) -> tuple[int, str]:
    """Send bytes; returns the status, and the kind of the problem or, of another protocol, the error."""
    with connected_to(url) as connection:
        connection.send(sent)
        status, headers, _ = answer = connection.answer()
    body = answer.json
    if "error" in body:
        assert headers["Content-Type"] == "application/json"
        return status, body["error"]
    assert headers["Content-Type"] == "application/problem+json"
    assert body["status"] == status
    return status, body["type"].removeprefix("urn:problem-type:sentiment:")


def test_balancer_passes_on_what_overloaded_replicas_say(models: Path, tmp_path: Path) -> None:
    """A replica that refuses because of load is not gone: nginx must not take over and refuse everything."""
    balancer, *ports = free_ports(3)
    with ExitStack() as stack:
        settings = {"model_dir": models, "runtime": "litert", "max_reviews": 1, "max_waiting": 1}
        for port in ports:
            stack.enter_context(serving(**settings, port=port))
        url = stack.enter_context(nginx(tmp_path, balancer, ports))
        with load(url) as clients:
            wait_until(lambda: answered(clients) > 5000)
        outcomes = outcomes_of(clients)
        assert set(outcomes) == {"200", "503"}
        assert "no live upstreams" not in (tmp_path / "error.log").read_text()
        assert httpx.get(f"{url}/metrics").status_code == 404
