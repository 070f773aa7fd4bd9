"""The Python client that openapi-python-client makes, used as clients/README.md says, against the real service."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.generated.examples import assert_retries, example
from tests.servers import PATIENCE, ROOT, Server, serving

ASK = """
import json
from sentiment_client import Client
from sentiment_client.api.{module} import {method}
from sentiment_client.models import PredictRequest

answer = {method}.sync_detailed(client=Client(base_url={url!r}, raise_on_unexpected_status=True){body})
print(json.dumps([int(answer.status_code), type(answer.parsed).__name__, answer.parsed.to_dict()]))
"""


INFER = """
import json
from sentiment_client import Client
from sentiment_client.api.open_inference_protocol import infer
from sentiment_client.models import InferRequest

body = InferRequest.from_dict({body!r})
for name in ({model!r}, "nothing"):
    answer = infer.sync_detailed(name, client=Client(base_url={url!r}), body=body)
    print(json.dumps([int(answer.status_code), type(answer.parsed).__name__, answer.parsed.to_dict()]))
"""

IMPORT_ALL = """
import importlib, pkgutil, sentiment_client

names = [module.name for module in pkgutil.walk_packages(sentiment_client.__path__, "sentiment_client.")]
for name in names:
    importlib.import_module(name)
print(*names)
"""


@pytest.fixture(scope="session")
def package(generated: Path) -> Path:
    return generated / "python/sentiment-client"


def run(package: Path, code: str) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(package)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=2 * PATIENCE)


def ask(package: Path, server: Server, module: str, method: str, reviews: list[str] | None = None) -> list[Any]:
    """Call a method; returns the status, the name of the class of its result, and that result as JSON."""
    body = f", body=PredictRequest(reviews={reviews!r})" if reviews is not None else ""
    done = run(package, ASK.format(module=module, method=method, body=body, url=server.url))
    assert done.returncode == 0, done.stderr
    answer: list[Any] = json.loads(done.stdout)
    return answer


def test_python_client_predicts_what_httpx_gets(package: Path, server: Server) -> None:
    reviews = ["A superb and moving film", "A dull waste of time", "😀 ünï <br/>"]
    expected = httpx.post(f"{server.url}/predict", json={"reviews": reviews}).json()
    assert ask(package, server, "predictions", "predict", reviews) == [200, "PredictResponse", expected]


@pytest.mark.parametrize(
    ("module", "method", "path", "result"),
    [
        ("model", "get_model", "/model", "ModelResponse"),
        ("health", "get_liveness", "/health/live", "Health"),
        ("health", "get_readiness", "/health/ready", "Health"),
    ],
)
def test_python_client_has_every_method(
    package: Path, server: Server, module: str, method: str, path: str, result: str
) -> None:
    assert ask(package, server, module, method) == [200, result, httpx.get(f"{server.url}{path}").json()]


def test_python_client_holds_a_module_for_each_operation(package: Path) -> None:
    """And each can be imported: of an operation with two kinds of body and no optional parameter, openapi-python-client
    0.29 makes a module that lacks an import.
    """
    done = run(package, IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    modules = {name.rpartition(".")[2] for name in done.stdout.split() if ".api." in name}
    document = json.loads((ROOT / "openapi.json").read_text())
    assert modules >= {operation["operationId"] for path in document["paths"].values() for operation in path.values()}


def test_python_client_speaks_the_open_inference_protocol(package: Path, server: Server) -> None:
    """Whose bodies are of two kinds, and whose errors have another shape."""
    model = httpx.get(f"{server.url}/model").json()["name"]
    body = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["A superb film"]}]}
    done = run(package, INFER.format(body=body, model=model, url=server.url))
    assert done.returncode == 0, done.stderr
    expected = [httpx.post(f"{server.url}/v2/models/{name}/infer", json=body).json() for name in (model, "nothing")]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        [200, "InferResponse", expected[0]],
        [404, "ProtocolError", expected[1]],
    ]


@pytest.mark.parametrize(
    ("reviews", "members"),
    [
        (["a"] * 9, {"limit": 8, "received": 9}),
        (["a", "b" * 1001], {"limit": 1000, "received": 1001, "index": 1}),
        (
            ["a", "  "],
            {"errors": [{"location": "reviews.1", "message": "A review must contain text; this one is blank"}]},
        ),
        ([], {}),
    ],
)
def test_python_client_reads_a_422(package: Path, limited: Server, reviews: list[str], members: dict[str, Any]) -> None:
    status, result, problem = ask(package, limited, "predictions", "predict", reviews)
    assert (status, result) == (422, "Problem")
    assert problem == httpx.post(f"{limited.url}/predict", json={"reviews": reviews}).json()
    assert problem.items() >= members.items()


def test_python_example_waits_for_an_overloaded_service(package: Path, server: Server) -> None:
    assert_retries(server, lambda url, tries: run(package, example("python", 0, url, tries)))


def test_python_example_prints_what_was_wrong(package: Path, server: Server, limited: Server) -> None:
    done = run(package, example("python", 1, server.url))
    assert done.returncode == 0, done.stderr
    assert "422 urn:problem-type:sentiment:review-too-long" in done.stdout
    assert "limit: 50000 received: 60000 review: 1" in done.stdout
    blank = example("python", 1, limited.url).replace('"Fine."', '" "').replace("* 6_000", "")
    assert "reviews.0 A review must contain text" in run(package, blank).stdout


def test_python_example_sends_the_key(package: Path, models: Path) -> None:
    with serving(model_dir=models, runtime="litert", api_keys="the-key-which-is-long-enough") as server:
        without = run(package, example("python", 0, server.url))
        assert "RuntimeError: 401 after 1 tries" in without.stderr
        code = example("python", 1, server.url).replace("the key", "the-key-which-is-long-enough")
        assert "422 urn:problem-type:sentiment:review-too-long" in run(package, code).stdout


def test_python_example_gives_up_on_a_service_that_is_not_there(package: Path, free_port: int) -> None:
    code = example("python", 0, f"http://127.0.0.1:{free_port}")
    assert "httpx.ConnectError" in run(package, code).stderr


@pytest.mark.parametrize("number", [0, 1])
def test_python_examples_pass_strict_type_checks(package: Path, tmp_path: Path, number: int) -> None:
    program = tmp_path / "example.py"
    program.write_text(example("python", number))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(program)],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(package)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
