"""Replicas behind the real nginx, with the configuration that compose uses.

No restart or crash costs a request, and clients that are too slow, too many or too large are refused by nginx.
"""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.clients import answered, load, outcomes_of
from tests.raw_http import Answer, connected_to, request
from tests.servers import PATIENCE, ROOT, serving, wait_until

REQUESTS = 20_000
CONFIGURATION = ROOT / "deploy/nginx.conf"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [free.getsockname()[1] for free in sockets]


@contextmanager
def nginx(folder: Path, port: int, replicas: list[int], changes: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run nginx as the user who runs the tests, with the committed configuration and these replicas.

    Args:
        folder: For its files.
        port: Where it listens.
        replicas: Ports of the replicas, running or not.
        changes: Texts of the configuration -> what to put in their place, such as shorter timeouts.
    """
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if binary is None:
        pytest.skip("no nginx: apt-get install nginx-light, or brew install nginx")
    site = CONFIGURATION.read_text().replace("listen 80;", f"listen 127.0.0.1:{port};")
    for committed, changed in (changes or {}).items():
        assert committed in site
        site = site.replace(committed, changed)
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
        settings = {"model_dir": models, "runtime": "litert", "drain": 2}
        running = [stack.enter_context(serving(**settings, port=port)) for port in ports]
        url = stack.enter_context(nginx(tmp_path, balancer, ports))
        with load(url) as clients:
            for port, server in zip(ports, running, strict=True):
                before = answered(clients)
                wait_until(lambda before=before: answered(clients) > before + 1000)  # type: ignore[misc]
                server.process.send_signal(signal.SIGTERM)
                assert server.process.wait(PATIENCE) == 0
                stack.enter_context(serving(**settings, port=port))
            wait_until(lambda: answered(clients) >= REQUESTS)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_crash_of_a_replica_fails_no_request(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(3)
    with ExitStack() as stack:
        settings = {"model_dir": models, "runtime": "litert"}
        running = [stack.enter_context(serving(**settings, port=port)) for port in ports]
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
        for page in ("/error/problem", "/error/protocol"):
            response = httpx.get(f"{url}{page}")  # nginx's own, not for asking
            assert response.status_code == 404
            assert response.json()["type"] == "urn:problem-type:sentiment:not-found"


def test_balancer_refuses_large_heads_before_a_replica_sees_them(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(2)
    with serving(model_dir=models, runtime="litert", port=ports[0]) as server:
        with nginx(tmp_path, balancer, ports) as url:
            for path, told in (("/nowhere", "headers-too-large"), ("/v2/nowhere", "A header exceeds 8 kB")):
                for headers in ([f"X: {'x' * 9_000}"], [f"X: {'x' * 7_000}"] * 5):
                    status, error = error_of(ask(url, f"GET {path} HTTP/1.1", *headers))
                    assert status == 431
                    assert error.startswith(told)
            assert error_of(ask(url, f"GET /{'x' * 9_000} HTTP/1.1")) == (414, "uri-too-long")
            assert error_of(ask(url, "GET / HTTP/1.1", "Host: y")) == (400, "malformed-request")
            # The largest head that nginx accepts is small enough for the service.
            assert error_of(ask(url, "GET /nowhere HTTP/1.1", *[f"X: {'x' * 7_000}"] * 4)) == (404, "not-found")
        server.wait_for("/nowhere")
        assert [line["status"] for line in server.logs() if line.get("path") == "/nowhere"] == [404]


def test_balancer_cuts_off_a_slow_request_head(tmp_path: Path) -> None:
    balancer, *ports = free_ports(2)
    with (
        nginx(tmp_path, balancer, ports, {"client_header_timeout 10s": "client_header_timeout 1s"}) as url,
        connected_to(url) as connection,
    ):
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert connection.closed()


def test_balancer_refuses_a_client_with_too_many_connections(tmp_path: Path) -> None:
    (limit,) = map(int, re.findall(r"limit_conn connections (\d+);", CONFIGURATION.read_text()))
    balancer, *ports = free_ports(2)
    with nginx(tmp_path, balancer, ports) as url, ExitStack() as stack:

        def upload_slowly() -> socket.socket:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", balancer)))
            connection.sendall(request("POST /predict HTTP/1.1", "Host: x", "Content-Length: 2", body=b"{"))
            return connection

        uploads = [upload_slowly() for _ in range(limit - 1)]
        time.sleep(1)  # until nginx has read them all
        assert ask(url, "GET /model HTTP/1.1").status == 503, "there is no replica, but the limit is not exceeded"
        assert not select.select(uploads, [], [], 0)[0], "nginx asks for a replica once it has the whole body"
        upload_slowly()
        wait_until(lambda: ask(url, "GET /model HTTP/1.1").status == 429)
        for path, told in (("/predict", "too-many-requests"), ("/v1/models/imdb:predict", "This client sends too")):
            answer = ask(url, f"POST {path} HTTP/1.1", "Content-Length: 0")
            status, error = error_of(answer)
            assert status == 429
            assert error.startswith(told)
            assert answer.headers["Retry-After"] == "1"
        stack.close()
        wait_until(lambda: ask(url, "GET /model HTTP/1.1").status == 503)


def test_balancer_slows_down_a_busy_client_before_it_refuses(tmp_path: Path) -> None:
    balancer, *ports = free_ports(2)
    changes = {"rate=2000r/s": "rate=1r/s", "burst=256": "burst=1"}
    with nginx(tmp_path, balancer, ports, changes) as url, ExitStack() as stack:
        started = time.monotonic()
        connections = [stack.enter_context(connected_to(url)) for _ in range(3)]
        for connection in connections:
            connection.send(request("GET /model HTTP/1.1", "Host: x"))
        answers = [connection.answer() for connection in connections]
        assert sorted(answer.status for answer in answers) == [429, 503, 503]
        assert time.monotonic() - started > 0.5, "the second waits for its turn"
        (refused,) = [answer for answer in answers if answer.status == 429]
        assert error_of(refused) == (429, "too-many-requests")


def test_balancer_believes_nobody_who_they_are(models: Path, tmp_path: Path) -> None:
    balancer, *ports = free_ports(2)
    with serving(model_dir=models, runtime="litert", port=ports[0]) as server:
        with nginx(tmp_path, balancer, ports) as url:
            httpx.get(f"{url}/model", headers={"X-Forwarded-For": "1.2.3.4", "X-Request-ID": "whoever"})
        server.wait_for("whoever")
        (line,) = [line for line in server.logs() if line.get("request_id") == "whoever"]
        assert line["client"] == "127.0.0.1"


def ask(url: str, line: str, *headers: str) -> Answer:
    with connected_to(url) as connection:
        connection.send(request(line, "Host: x", *headers))
        return connection.answer()


def error_of(answer: Answer) -> tuple[int, str]:
    """The status, and the kind of the problem or, of another protocol, the error."""
    status, headers, _ = answer
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
