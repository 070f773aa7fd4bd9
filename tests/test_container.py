"""The container: built, run behind nginx, asked for predictions, stopped. Skips where no engine answers."""

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.clients import answered, load, outcomes_of
from tests.servers import ROOT, wait_until
from tests.test_shipped_bundle import ENTHUSIASTIC, SCATHING

BUILD = 1200
"""Seconds; installing TensorFlow takes most of it."""


def docker(*arguments: str, settings: dict[str, str] | None = None, timeout: float = 120) -> str:
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=os.environ | (settings or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def engine_missing() -> str:
    if shutil.which("docker") is None:
        return "no docker command"
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(command, capture_output=True).returncode:
            return f"`{' '.join(command)}` fails"
    return ""


@pytest.fixture(scope="module")
def project() -> Iterator[dict[str, str]]:
    """Everything of docker-compose.yml, up and healthy on a free port."""
    if reason := engine_missing():
        pytest.skip(f"no container engine answers: {reason}")
    settings = {
        "COMPOSE_PROJECT_NAME": f"sentiment-test-{uuid.uuid4().hex[:8]}",
        "SENTIMENT_PUBLISH": "127.0.0.1:0",
        # Works in every network, also where the index is reachable from the host's alone.
        "SENTIMENT_BUILD_NETWORK": "host",
    }
    try:
        docker("compose", "build", timeout=BUILD, settings=settings)
        docker("compose", "up", "--detach", "--wait", "--pull", "never", timeout=300, settings=settings)
        port = docker("compose", "port", "balancer", "80", settings=settings).rsplit(":", 1)[1]
        yield settings | {"URL": f"http://127.0.0.1:{port}"}
    finally:
        subprocess.run(
            ["docker", "compose", "down", "--timeout", "20"], cwd=ROOT, env=os.environ | settings, check=False
        )


def test_container_answers_through_the_balancer(project: dict[str, str]) -> None:
    response = httpx.post(f"{project['URL']}/predict", json={"reviews": [ENTHUSIASTIC, SCATHING]})
    assert response.status_code == 200
    first, second = response.json()["predictions"]
    assert first["positive_probability"] > 0.9
    assert second["positive_probability"] < 0.1


def test_container_replicas_share_the_work(project: dict[str, str]) -> None:
    for i in range(20):
        httpx.get(f"{project['URL']}/model", headers={"X-Request-ID": f"shared-{i}"}).raise_for_status()
    replicas = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()
    assert len(replicas) == 2
    for replica in replicas:
        assert '"shared-' in docker("logs", replica)


def test_container_error_reaches_the_client_whole(project: dict[str, str]) -> None:
    response = httpx.post(f"{project['URL']}/predict", json={"reviews": ["good " * 450_000]})
    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"


def test_container_runs_without_privileges_and_tools(project: dict[str, str]) -> None:
    replica = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()[0]
    assert docker("exec", replica, "id", "-u") == "10001"
    script = (
        "import importlib.util as u; print([n for n in ('pip', 'matplotlib', 'pytest', 'training') if u.find_spec(n)])"
    )
    assert docker("exec", replica, "python", "-c", script) == "[]"
    assert "python -m app" in docker("exec", replica, "python", "-c", "print(open('/proc/1/cmdline').read())").replace(
        "\0", " "
    )


def test_container_is_confined(project: dict[str, str]) -> None:
    replica = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()[0]
    host = json.loads(docker("inspect", replica))[0]["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] == 1500 * 2**20
    assert host["PidsLimit"] == 200
    status = docker("exec", replica, "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_container_rolling_restart_under_load_fails_no_request(project: dict[str, str]) -> None:
    replicas = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()
    with load(project["URL"]) as clients:
        for replica in replicas:
            docker("restart", "--time", "40", replica)
            wait_until(lambda replica=replica: '"healthy"' in docker("inspect", replica))  # type: ignore[misc]
        wait_until(lambda: answered(clients) >= 20_000)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_container_kill_under_load_fails_no_request(project: dict[str, str]) -> None:
    replica = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()[0]
    with load(project["URL"]) as clients:
        wait_until(lambda: answered(clients) > 2000)
        docker("kill", "--signal", "KILL", replica)
        before = answered(clients)
        wait_until(lambda: answered(clients) > before + 5000)
        docker("start", replica)
        wait_until(lambda: '"healthy"' in docker("inspect", replica))
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)


def test_container_stops_in_order(project: dict[str, str]) -> None:
    """The signal arrives, the replica drains and exits by itself; the other one answers meanwhile."""
    replica = docker("compose", "ps", "--quiet", "sentiment", settings=project).split()[0]
    started = time.monotonic()
    docker("stop", "--time", "30", replica)
    assert time.monotonic() - started < 25
    state = json.loads(docker("inspect", replica))[0]["State"]
    assert state["ExitCode"] == 0
    assert '"draining"' in docker("logs", replica)
    for _ in range(10):
        assert httpx.post(f"{project['URL']}/predict", json={"reviews": [SCATHING]}).status_code == 200
