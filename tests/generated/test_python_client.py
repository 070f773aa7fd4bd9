"""The generated Python client against the real service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generated.conftest import Run, responses, substituted
from tests.generated.examples import example
from tests.servers import PATIENCE, ROOT, Server

CALL = """
import json
from sentiment_client import Client
from sentiment_client.api.health import get_liveness, get_readiness
from sentiment_client.api.model import get_model
from sentiment_client.api.open_inference_protocol import infer
from sentiment_client.api.predictions import predict
from sentiment_client.models import InferRequest, PredictRequest

client = Client(base_url="URL", raise_on_unexpected_status=True)
answers = [method.sync_detailed(client=client) for method in (get_model, get_liveness, get_readiness)]
answers += [predict.sync_detailed(client=client, body=PredictRequest(reviews=reviews)) for reviews in REVIEWS]
body = InferRequest.from_dict({"inputs": [TENSOR]})
answers += [infer.sync_detailed(name, client=client, body=body) for name in ("tiny", "nothing")]
print(json.dumps([[answer.status_code, answer.parsed.to_dict()] for answer in answers]))
print(*(type(answer.parsed).__name__ for answer in answers))
"""

IMPORT_ALL = """
import importlib, pkgutil, sentiment_client

names = [module.name for module in pkgutil.walk_packages(sentiment_client.__path__, "sentiment_client.")]
for name in names:
    importlib.import_module(name)
print(*names)
"""


def test_python_client_gets_what_httpx_gets(run_with_python: Run, limited: Server) -> None:
    done = run_with_python(substituted(CALL, limited.url))
    assert done.returncode == 0, done.stderr
    answers, classes = done.stdout.splitlines()
    assert json.loads(answers) == responses(limited.url)
    problems = ["Problem"] * 4
    assert classes.split() == [
        *("ModelResponse", "Health", "Health", "PredictResponse", *problems, "InferResponse", "ProtocolError")
    ]


def test_python_client_has_a_module_for_each_operation(run_with_python: Run) -> None:
    """Each can be imported: openapi-python-client 0.29 omits an import where an operation has two kinds of body and no
    optional parameter.
    """
    done = run_with_python(IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    modules = {name.rpartition(".")[2] for name in done.stdout.split() if ".api." in name}
    document = json.loads((ROOT / "openapi.json").read_text())
    assert modules >= {operation["operationId"] for path in document["paths"].values() for operation in path.values()}


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
