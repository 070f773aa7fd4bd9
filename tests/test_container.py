"""The container image behind nginx, as docker-compose.yml runs them; skipped without a container engine."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.clients import answered, load, outcomes_of
from tests.servers import ROOT, wait_until
from tests.test_shipped_bundle import ENTHUSIASTIC, SCATHING

pytestmark = pytest.mark.slow

PROJECT = {
    "COMPOSE_PROJECT_NAME": f"sentiment-test-{uuid.uuid4().hex[:8]}",
    "SENTIMENT_PUBLISH": "127.0.0.1:0",
    "SENTIMENT_BUILD_NETWORK": "host",  # works wherever the host can reach the package index
}


def docker(*arguments: str, timeout: float = 120) -> str:
    done = subprocess.run(
        ["docker", *arguments], cwd=ROOT, env=os.environ | PROJECT, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def state_of(replica: str) -> dict[str, dict[str, object]]:
    state: dict[str, dict[str, object]] = json.loads(docker("inspect", replica))[0]
    return state


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[str]]:
    """The ids of the two containers of the service, healthy."""
    try:
        docker("info")
    except (OSError, AssertionError) as error:
        pytest.skip(f"no container engine answers: {error}")
    try:
        # Installing TensorFlow takes most of the time.
        docker("compose", "build", "--build-arg", "VERSION=0.0.0", timeout=1200)
        docker("compose", "up", "--detach", "--wait", "sentiment", timeout=300)
        first, second = docker("compose", "ps", "--quiet", "sentiment").split()
        yield [first, second]
    finally:
        docker("compose", "down", "--timeout", "20")


@pytest.fixture(scope="module")
def url(replicas: list[str]) -> str:
    """The URL of the balancer in front of them, healthy."""
    try:
        docker("compose", "pull", "--policy", "missing", "balancer")
    except AssertionError as error:
        pytest.skip(f"the image of nginx is missing: {error}")
    docker("compose", "up", "--detach", "--wait", timeout=300)
    return f"http://{docker('compose', 'port', 'balancer', '80')}"


def test_container_replicas_answer_through_the_balancer(url: str, replicas: list[str]) -> None:
    for i in range(20):
        headers = {"X-Request-ID": f"shared-{i}"}
        response = httpx.post(f"{url}/predict", json={"reviews": [ENTHUSIASTIC, SCATHING]}, headers=headers)
        first, second = response.json()["predictions"]
        assert first["positive_probability"] > 0.9
        assert second["positive_probability"] < 0.1
    for replica in replicas:
        assert '"shared-' in docker("logs", replica)
    response = httpx.post(f"{url}/predict", json={"reviews": ["good " * 450_000]})
    assert response.status_code == 413
    assert response.headers["Content-Type"] == "application/problem+json"


def check_confinement(service: str, user: int, memory: int) -> None:
    container = docker("compose", "ps", "--quiet", service).split()[0]
    host = state_of(container)["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None)
    assert (host["Memory"], host["PidsLimit"]) == (memory * 2**20, 200)
    status = docker("exec", container, "cat", "/proc/1/status")
    for line in (f"Uid:\t{user}", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"):
        assert line in status


def test_container_of_the_service_is_confined(replicas: list[str]) -> None:
    check_confinement("sentiment", user=10001, memory=1500)


def test_container_of_the_balancer_is_confined(url: str) -> None:
    check_confinement("balancer", user=101, memory=512)


def test_image_contains_only_what_runs_and_ends_with_the_code(replicas: list[str]) -> None:
    script = "import importlib.util as u; print(*filter(u.find_spec, ('pip', 'matplotlib', 'pytest', 'training')))"
    assert docker("exec", replicas[0], "python", "-c", script) == ""
    layer, size = (
        docker("history", "--format", "{{.CreatedBy}}\t{{.Size}}", "review-sentiment").splitlines()[0].split("\t")
    )
    assert layer.startswith("COPY app app")
    assert size.endswith("kB"), "a code change pushes no more"
    assert state_of(replicas[0])["Config"]["Labels"]["org.opencontainers.image.version"] == "0.0.0"  # type: ignore[index]


def test_container_scaling_under_load_needs_no_reload_and_fails_no_request(url: str, replicas: list[str]) -> None:
    scale = ["compose", "up", "--detach", "--no-recreate", "--wait", "--scale"]
    with load(url) as clients:
        docker(*scale, "sentiment=4")
        started = set(docker("compose", "ps", "--quiet", "sentiment").split()) - set(replicas)
        assert len(started) == 2
        for replica in started:
            wait_until(lambda replica=replica: "/predict" in docker("logs", "--tail", "10", replica))  # type: ignore[misc]
        docker(*scale, "sentiment=2")
        before = answered(clients)
        wait_until(lambda: answered(clients) >= before + 5_000)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)
