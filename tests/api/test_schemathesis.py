"""Schemathesis compares the OpenAPI document with the real service: all its checks, valid and invalid requests.

It runs in a process of its own, so that its hooks and warnings do not reach these tests. The seed is fixed; set
SCHEMATHESIS_EXAMPLES for more requests per operation and SCHEMATHESIS_SEED for others. Sequences of requests are not
tried, because no operation changes anything.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.servers import Server, serving

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "100"))
SEED = int(os.environ.get("SCHEMATHESIS_SEED", "0"))
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
FAILED = 1
"""Schemathesis's exit code where a check fails; 2 means that it could not run."""


def schemathesis(document: str, server: Server, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run every check of a document, which is a URL or a file, against the server."""
    options = ["--url", server.url, "--mode", "all", "--continue-on-failure", "--no-color"]
    options += ["--seed", str(SEED), "--max-examples", str(EXAMPLES), "--generation-database", "none"]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIGURATION, "run", *options, *more, document],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120 + 4 * EXAMPLES,
    )


def test_schemathesis_finds_nothing(target: Server, tmp_path: Path) -> None:
    done = schemathesis(f"{target.url}/openapi.json", target, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for phase in ("Examples", "Coverage", "Fuzzing"):
        assert f"✅ {phase}" in done.stdout
    assert "Tested: 21" in done.stdout
    assert [line for line in target.logs() if line["level"] in ("error", "critical")] == []


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    """The shipped bundle, whose name the document's examples have, with limits that no generated request exceeds."""
    with serving(runtime="litert", max_explained=128) as server:
        yield server


def without_answer(document: dict[str, Any]) -> None:
    del document["paths"]["/predict"]["post"]["responses"]["422"]


def with_stricter_answer(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Prediction"]["required"].append("stars")


def with_wider_request(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["PredictRequest"]["properties"]["reviews"]["minItems"]


def with_narrower_request(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["PredictRequest"]["properties"]["reviews"]["minItems"] = 3


@pytest.mark.parametrize(
    ("falsify", "complaint"),
    [
        (without_answer, "Undocumented status code"),
        (with_stricter_answer, "Response violates schema"),
        (with_wider_request, "Schema-valid request rejected"),
        (with_narrower_request, "Schema-violating request accepted"),
    ],
)
def test_schemathesis_finds_a_wrong_document(
    target: Server, tmp_path: Path, falsify: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    document = httpx.get(f"{target.url}/openapi.json").json()
    falsify(document)
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document))
    done = schemathesis(str(path), target, tmp_path, "--include-path", "/predict")
    assert done.returncode == FAILED, done.stdout + done.stderr
    assert re.findall(r"^- ST\d+ (.*)", done.stdout, re.MULTILINE) == [complaint]


def test_openapi_pattern_of_a_review_rejects_exactly_the_blank_characters(target: Server) -> None:
    """White space differs between JSON Schema's regular expressions and Python's."""
    document = httpx.get(f"{target.url}/openapi.json").json()
    review = document["components"]["schemas"]["PredictRequest"]["properties"]["reviews"]["items"]
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    validator = jsonschema_rs.validator_for(review)
    assert [sign for sign in characters if not validator.is_valid(sign)] == [
        sign for sign in characters if sign.isspace()
    ]
