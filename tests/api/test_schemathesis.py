"""Schemathesis compares the OpenAPI document with the real service: all its checks, valid and invalid requests.

The document does not describe /v1 and /v2: tests/protocols covers them.

It runs in a process of its own, so that its hooks and warnings do not affect these tests. The seed is fixed; set
SCHEMATHESIS_EXAMPLES for more requests per operation and SCHEMATHESIS_SEED for others. Sequences of requests are not
tried, because no operation changes anything.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

from tests.servers import Server, serving

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "100"))
SEED = os.environ.get("SCHEMATHESIS_SEED", "0")


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    """The shipped bundle, whose name is in the document's examples, with limits that no generated request exceeds."""
    with serving(runtime="numpy", max_explained=128) as server:
        yield server


def test_schemathesis_finds_nothing(target: Server, tmp_path: Path) -> None:
    options = ["--url", target.url, "--mode", "all", "--continue-on-failure", "--no-color"]
    options += ["--seed", SEED, "--max-examples", str(EXAMPLES), "--generation-database", "none"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", *options, f"{target.url}/openapi.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120 + 4 * EXAMPLES,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for phase in ("Examples", "Coverage", "Fuzzing"):
        assert f"✅ {phase}" in done.stdout
    assert "Tested: 5" in done.stdout
    assert [line for line in target.logs() if line["level"] in ("error", "critical")] == []


def test_openapi_pattern_of_a_review_rejects_exactly_the_blank_characters(target: Server) -> None:
    """White space in JSON Schema's regular expressions is not the same as in Python."""
    document = httpx.get(f"{target.url}/openapi.json").json()
    review = document["components"]["schemas"]["PredictRequest"]["properties"]["reviews"]["items"]
    validator = jsonschema_rs.validator_for(review)
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    rejected = [character for character in characters if not validator.is_valid(character)]
    assert rejected == [character for character in characters if character.isspace()]
