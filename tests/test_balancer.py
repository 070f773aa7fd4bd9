"""Replicas behind the real nginx, with the configuration that compose uses.

No restart or crash of a replica costs a request, and nginx refuses clients that are too slow, too many or too large.
"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.message import Message
from pathlib import Path

import httpx
import pytest

from tests.api.test_access import answers_without_a_key
from tests.clients import answered, load, outcomes_of
from tests.raw_http import connected_to, request
from tests.servers import PATIENCE, ROOT, Server, serving, wait_until

pytestmark = pytest.mark.slow

CONFIGURATION = ROOT / "deploy/nginx.conf"
TLS = ROOT / "deploy/nginx-tls.conf"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [free.getsockname()[1] for free in sockets]


@contextmanager
def nginx(folder: Path, *replicas: int, changes: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run nginx with the committed configuration, as the user who runs the tests; yields its URL.

    Args:
        folder: For its files.
        replicas: Ports of the replicas; nothing has to listen there.
        changes: Parts of the configuration -> their replacements, such as shorter timeouts.
    """
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    if binary is None:
        pytest.skip("no nginx: apt-get install nginx-light, or brew install nginx")
    port, *unused = free_ports(2)
    site = CONFIGURATION.read_text()
    for committed, changed in ({"listen 80;": f"listen 127.0.0.1:{port};"} | dict(changes or {})).items():
        assert committed in site
        site = site.replace(committed, changed)
    for line in re.findall("^.*server sentiment:8000.*$", site, re.MULTILINE):
        own = [line.replace("sentiment:8000 resolve", f"127.0.0.1:{replica}") for replica in replicas or unused]
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
        with socket.socket() as client:
            wait_until(lambda: client.connect_ex(("127.0.0.1", port)) == 0)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE)


@pytest.mark.parametrize(("sent", "replicas"), [(signal.SIGTERM, 2), (signal.SIGKILL, 1)])
def test_restart_and_crash_of_replicas_fail_no_request(
    models: Path, tmp_path: Path, sent: signal.Signals, replicas: int
) -> None:
    ports = free_ports(2)
    with ExitStack() as stack:
        settings = {"model_dir": models, "runtime": "numpy", "drain": 2}
        running = [stack.enter_context(serving(**settings, port=port)) for port in ports]
        url = stack.enter_context(nginx(tmp_path, *ports))
        with load(url) as clients:
            for port, server in [*zip(ports, running, strict=True)][:replicas]:
                before = answered(clients)
                wait_until(lambda before=before: answered(clients) > before + 1000)  # type: ignore[misc]
                server.process.send_signal(sent)
                assert server.process.wait(PATIENCE) == (0 if sent == signal.SIGTERM else -sent)
                stack.enter_context(serving(**settings, port=port))
            before = answered(clients)
            wait_until(lambda: answered(clients) >= before + 10_000)
    outcomes = outcomes_of(clients)
    cut = outcomes.pop("lost: closed", 0)  # a crash may cut a response that nginx has begun to read
    assert cut <= (0 if sent == signal.SIGTERM else len(clients)), cut
    assert set(outcomes) == {"200"}, outcomes


def test_replicas_share_the_load_while_others_are_starting(models: Path, tmp_path: Path) -> None:
    """A replica that is starting refuses connections, and nginx tries it every second."""
    settings = {"model_dir": models, "runtime": "numpy"}
    ready, starting = free_ports(6)[:2], free_ports(4)
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(**settings, port=port)) for port in ready]
        with load(stack.enter_context(nginx(tmp_path, *starting, *ready))) as clients:
            wait_until(lambda: answered(clients) > 15_000)
        assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)
    shares = [sum(line["event"] == "request" for line in server.logs()) for server in servers]
    assert min(shares) > 0.4 * sum(shares), shares


@pytest.fixture(scope="module")
def replica(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A replica, and the URL of nginx in front of it."""
    with (
        serving(model_dir=models, runtime="numpy") as server,
        nginx(tmp_path_factory.mktemp("nginx"), port_of(server)) as url,
    ):
        yield server, url


def port_of(server: Server) -> int:
    return int(server.url.rsplit(":", 1)[1])


def test_slow_clients_do_not_keep_others_out(replica: tuple[Server, str]) -> None:
    _, url = replica
    head = request("GET /model HTTP/1.1", "Host: x")[:-4]
    body = request("POST /predict HTTP/1.1", "Host: x", "Content-Length: 1000000", body=b"{")
    with ExitStack() as stack:
        slow = [stack.enter_context(connected_to(url)) for _ in range(200)]
        for connection, start in zip(slow, [head, body] * 100, strict=True):
            connection.send(start)

        with load(url) as clients:

            def trickle() -> bool:
                for connection in slow:
                    connection.send(b" ")
                return answered(clients) > 5_000

            wait_until(trickle)
        assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def ask(url: str, line: str, *headers: str, body: bytes = b"") -> tuple[int, str, Message]:
    """Send a request; returns the status, the problem type or (under /v1 and /v2) the error, and the headers."""
    with connected_to(url) as connection:
        connection.send(request(f"{line} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}", body=body))
        status, headers_, _ = answer = connection.answer()
    assert headers_["Server"] == "nginx", "without its version"
    problem = answer.json
    protocol = bool(re.search(r"/v[12]/", line))
    assert headers_["Content-Type"] == ("application/json" if protocol else "application/problem+json")
    assert headers_["Retry-After"] == ("1" if status in (429, 503) else None)
    if protocol:
        (error,) = problem.values()
        return status, error, headers_
    assert problem["status"] == status
    return status, problem["type"].removeprefix("/problems/"), headers_


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """nginx without any replica."""
    with nginx(tmp_path_factory.mktemp("nginx")) as url:
        yield url


LONG, TOO_LONG = f"X: {'x' * 7_000}", f"X: {'x' * 9_000}"


@pytest.mark.parametrize(
    ("line", "headers", "size", "expected"),
    [
        ("POST /predict", [], 2, (503, "not-serving")),
        ("POST /v2/models/imdb/infer", [], 2, (503, "No replica answers")),
        ("POST /predict", [], 4_000_000, (413, "body-too-large")),
        ("POST /v1/models/imdb:predict", [], 4_000_000, (413, "The body exceeds 3 MB")),
        ("GET /predict", [TOO_LONG], 0, (431, "headers-too-large")),
        ("GET /v2/", [LONG] * 5, 0, (431, "A header exceeds 8 kB")),
        (f"GET /{'x' * 9_000}", [], 0, (414, "uri-too-long")),
        ("GET /", ["Host: y"], 0, (400, "malformed-request")),
        ("POST /predict", ["Transfer-Encoding: chunked"], 5, (400, "malformed-request")),  # and a Content-Length
        ("GET /metrics", [], 0, (404, "not-found")),
        ("GET //x/../metrics", [], 0, (404, "not-found")),
        *((f"GET /metrics%{code:02x}", [], 0, (404, "not-found")) for code in (1, 9, 10, 13, 31, 127)),
        ("GET /v2/health/live%0a", [], 0, (404, "There is nothing")),
        ("GET /error/problem", [], 0, (404, "not-found")),  # internal
    ],
    ids=lambda value: str(value)[:30],
)
def test_balancer_explains_what_it_refuses(
    alone: str, line: str, headers: list[str], size: int, expected: tuple[int, str]
) -> None:
    status, error, _ = ask(alone, line, *headers, body=b"x" * size)
    assert status == expected[0]
    assert error.startswith(expected[1])


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: x\r\n", b""], ids=["incomplete", "nothing"])
def test_balancer_cuts_off_a_slow_request_head(tmp_path: Path, sent: bytes) -> None:
    changes = {"client_header_timeout 10s": "client_header_timeout 1s"}
    with nginx(tmp_path, changes=changes) as url, connected_to(url) as connection:
        connection.send(sent)
        assert connection.closed()


def test_balancer_refuses_a_client_with_too_many_connections(alone: str) -> None:
    (limit,) = map(int, re.findall(r"limit_conn connections (\d+);", CONFIGURATION.read_text()))
    with ExitStack() as stack:
        for _ in range(limit):  # slow uploads, for which nginx does not ask a replica yet
            connection = stack.enter_context(connected_to(alone))
            connection.send(request("POST /predict HTTP/1.1", "Host: x", "Content-Length: 2", body=b"{"))
        wait_until(lambda: ask(alone, "GET /model")[:2] == (429, "too-many-requests"))
        status, error, _ = ask(alone, "POST /v1/models/imdb:predict")
        assert (status, error[:24]) == (429, "This client sends too ma")
    wait_until(lambda: ask(alone, "GET /model")[0] == 503)


def test_balancer_slows_down_a_busy_client_before_it_refuses(tmp_path: Path) -> None:
    changes = {"rate=2000r/s": "rate=1r/s", "burst=256": "burst=1"}
    with nginx(tmp_path, changes=changes) as url, ExitStack() as stack:
        connections = [stack.enter_context(connected_to(url)) for _ in range(3)]
        for connection in connections:
            connection.send(request("GET /model HTTP/1.1", "Host: x"))
        assert sorted(connection.answer().status for connection in connections) == [429, 503, 503]


def test_balancer_passes_on_large_heads_and_the_real_address(replica: tuple[Server, str]) -> None:
    """The largest head that nginx accepts is small enough for the service."""
    server, url = replica
    forged = ("X-Forwarded-For: 1.2.3.4", "X-Request-ID: whoever")
    assert ask(url, "GET /nowhere", *forged, *[LONG] * 4)[:2] == (404, "not-found")
    server.wait_for("whoever")
    (line,) = [line for line in server.logs() if line.get("request_id") == "whoever"]
    assert line["client"] == "127.0.0.1"


def test_balancer_lets_no_spelling_of_a_path_avoid_the_key(models: Path, tmp_path: Path) -> None:
    with (
        serving(model_dir=models, runtime="numpy", api_keys="a-key-of-sixteen") as server,
        nginx(tmp_path, port_of(server)) as url,
    ):
        statuses = answers_without_a_key(url)
        assert {line: status for line, status in statuses.items() if status not in (400, 401, 404, 405)} == {}
        server.wait_for('"status":401')
        logged = {(line["path"], line["status"]) for line in server.logs() if line["event"] == "request"}
    assert not [path for path, _ in logged if not path.isprintable() and path.isascii()]
    assert ("/metrics", 401) not in logged


def test_balancer_passes_on_the_errors_of_overloaded_replicas(models: Path, tmp_path: Path) -> None:
    """A replica that sheds load still works: nginx must not take it out and refuse everything."""
    settings = {"model_dir": models, "runtime": "numpy", "max_reviews": 1, "max_waiting": 1}
    with ExitStack() as stack:
        ports = free_ports(2)
        for port in ports:
            stack.enter_context(serving(**settings, port=port))
        with load(stack.enter_context(nginx(tmp_path, *ports))) as clients:
            wait_until(lambda: answered(clients) > 5000)
        assert set(outcomes_of(clients)) == {"200", "503"}
        assert "no live upstreams" not in (tmp_path / "error.log").read_text()


def test_balancer_compresses_what_is_large(replica: tuple[Server, str]) -> None:
    """With an ETag that still spares the next response."""
    server, url = replica
    with httpx.Client(base_url=url) as client:
        large, small = client.get("/openapi.json"), client.get("/health/live")
        assert (large.headers["Content-Encoding"], large.headers["Vary"]) == ("gzip", "Accept-Encoding")
        assert large.json() == httpx.get(f"{server.url}/openapi.json").json()
        assert "Content-Encoding" not in small.headers
        again = client.get("/openapi.json", headers={"If-None-Match": large.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_balancer_terminates_tls(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (port,) = free_ports(1)
    tls = TLS.read_text().replace("listen 443", f"listen 127.0.0.1:{port}")
    tls = tls.replace("/etc/nginx/certificates", str(tmp_path))
    context = ssl.create_default_context(cafile=str(certificate))
    with nginx(tmp_path, changes={"include /etc/nginx/tls/*.conf;": tls}):
        response = httpx.get(f"https://localhost:{port}/model", verify=context)
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/not-serving"
