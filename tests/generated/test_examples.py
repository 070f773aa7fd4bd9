"""The examples of clients/README.md do what it says, in both languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.generated.conftest import Run
from tests.generated.examples import example
from tests.proxies import RETRY_AFTER, proxying
from tests.servers import Server, serving

pytestmark = pytest.mark.slow
KEY = "the-key-which-is-long-enough"


@pytest.fixture(params=["python", "typescript"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(language: str, request: pytest.FixtureRequest) -> Run:
    if language == "python":
        run: Run = request.getfixturevalue("run_with_python")
    else:
        run = request.getfixturevalue("project").run
    return run


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="litert", api_keys=KEY) as server:
        yield server


def test_example_waits_for_an_overloaded_service(language: str, run: Run, server: Server) -> None:
    """It waits as long as Retry-After says, and gives up after the given number of tries."""
    with proxying(server.url) as proxy:
        proxy.refusals["/predict"] = 3
        failed = run(example(language, 0, url=proxy.url, tries="2"))
        assert failed.returncode == 1
        assert "Error: 503 after 2 tries" in failed.stderr
        assert "urn:problem-type:sentiment:overloaded" in failed.stderr
        succeeded = run(example(language, 0, url=proxy.url))
        assert succeeded.returncode == 0, succeeded.stderr
        assert [line.split()[0] for line in succeeded.stdout.splitlines()] == ["positive", "negative"]
        first, second, third, fourth = proxy.arrivals
        assert min(second - first, fourth - third) >= RETRY_AFTER - 0.1  # timers of Node may be a little early


def test_example_sends_the_key_and_prints_what_is_wrong(language: str, run: Run, guarded: Server) -> None:
    assert "Error: 401 after 1 tries" in run(example(language, 0, url=guarded.url)).stderr
    code = example(language, 1, url=guarded.url, key=KEY)
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert "422 urn:problem-type:sentiment:review-too-long" in done.stdout
    assert "limit: 50000 received: 60000 review: 1" in done.stdout
    blank = code.replace('"Fine."', '" "').replace(" * 6_000", "").replace(".repeat(6_000)", "")
    assert "reviews.0 A review must hold text" in run(blank).stdout


def test_example_fails_if_nothing_listens(language: str, run: Run, free_port: int) -> None:
    error = {"python": "httpx.ConnectError", "typescript": "ECONNREFUSED"}[language]
    assert error in run(example(language, 0, url=f"http://127.0.0.1:{free_port}")).stderr
