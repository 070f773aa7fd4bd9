"""The OpenAPI document: valid, and as the linter and the generators need it."""

import copy
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.main import create_app
from app.settings import Settings
from tests.servers import PATIENCE, ROOT

pytestmark = pytest.mark.slow

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    return create_app(Settings()).openapi()


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_openapi_document_is_valid(document: Document) -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(document)).validate()
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() for name in ids)  # the generators' names of methods


def test_openapi_examples_match_their_schemas(document: Document) -> None:
    found = [
        (part, example)
        for schema in document["components"]["schemas"].values()
        for part in (schema, *schema.get("properties", {}).values())
        for example in part.get("examples", ())
    ]
    for _, operation in operations(document):
        for response in operation["responses"].values():
            for body in response.get("content", {}).values():
                examples = [named["value"] for named in body.get("examples", {}).values()]
                found += [(body["schema"], example) for example in examples]
                found += [(body["schema"], body["example"])] if "example" in body else []
    assert len(found) > 80
    for schema, example in found:
        jsonschema_rs.validate({**schema, "components": document["components"]}, example)


def test_openapi_fields_are_described_and_no_unions(document: Document) -> None:
    """Generators turn unions into awkward types."""
    unions = set()
    for name, schema in document["components"]["schemas"].items():
        assert "Attributes:" not in schema.get("description", ""), name  # of a docstring
        for field, part in schema.get("properties", {}).items():
            assert "$ref" in part or part["description"], f"{name}.{field}"
            if {"anyOf", "oneOf"} & part.keys() or isinstance(part.get("type"), list):
                unions.add(f"{name}.{field}")
    facts = {"ModelResponse.calibration", "ModelResponse.promise"}
    assert unions == {"Encoding.start_column", "Encoding.unknown_column", "ExplainRequest.top"} | facts


def test_linter_finds_nothing(node_packages: Path) -> None:
    options = ["--config", str(ROOT / "clients/redocly.yaml"), "--format", "json"]
    command = [str(node_packages / "redocly"), "lint", str(ROOT / "openapi.json"), *options]
    report = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE).stdout)
    assert report["problems"] == []
    assert report["totals"]["ignored"] == 0
