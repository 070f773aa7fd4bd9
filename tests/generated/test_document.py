"""The OpenAPI document: valid, and as the linter and the generators need it."""

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.main import create_app
from app.settings import Settings
from clients.schemas import resolve
from tests.servers import PATIENCE, ROOT

Document = dict[str, Any]
Lint = Callable[[Document], set[str]]


@pytest.fixture
def document() -> Document:
    return create_app(Settings()).openapi()


@pytest.fixture
def lint(node_packages: Path, tmp_path: Path) -> Lint:
    """Lints a document; returns the names of the rules that it breaks."""

    def lint(document: Document) -> set[str]:
        path = tmp_path / "openapi.json"
        path.write_text(json.dumps(document))
        config = str(ROOT / "clients/redocly.yaml")
        command = [str(node_packages / "redocly"), "lint", str(path), "--config", config, "--format", "json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
        report = json.loads(done.stdout)
        broken = {problem["ruleId"] for problem in report["problems"]}
        assert (done.returncode == 0) == (not broken)
        assert report["totals"]["ignored"] == 0
        return broken

    return lint


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_openapi_document_is_valid(document: Document) -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(document)).validate()
    assert document["info"]["license"]["identifier"] == "Apache-2.0"


def test_openapi_operations_make_good_methods(document: Document) -> None:
    found = dict(operations(document))
    assert found["POST /predict"]["operationId"] == "predict"
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    assert all(name.isidentifier() for name in ids)


def test_openapi_examples_match_their_schemas(document: Document) -> None:
    """And every JSON response has one."""
    for where, operation in operations(document):
        for status, response in operation["responses"].items():
            for media, body in resolve(document, response).get("content", {}).items():
                if not media.endswith("json"):
                    continue
                examples = [named["value"] for named in body.get("examples", {}).values()]
                examples += [body["example"]] if "example" in body else []
                assert examples, f"{where} {status}"
                schema = {**body["schema"], "components": document["components"]}
                for example in examples:
                    jsonschema_rs.validate(schema, example)


def test_openapi_fields_are_described_and_no_unions(document: Document) -> None:
    """Generators turn unions into awkward types."""
    unions = set()
    for name, schema in document["components"]["schemas"].items():
        assert "Attributes:" not in schema["description"], name  # of a docstring
        for field, part in schema.get("properties", {}).items():
            assert "$ref" in part or part["description"], f"{name}.{field}"
            if {"anyOf", "oneOf"} & part.keys() or isinstance(part.get("type"), list):
                unions.add(f"{name}.{field}")
    assert unions == {"Encoding.start_column", "Encoding.unknown_column", "ExplainRequest.top"}


def test_linter_finds_nothing(document: Document, lint: Lint) -> None:
    assert lint(document) == set()


PREDICT = ("paths", "/predict", "post")
OK = ("responses", "200", "content", "application/json", "example")
UNAVAILABLE = ("components", "responses", "Unavailable")
FAULTS: list[tuple[tuple[Any, ...], Any, str]] = [
    ((*PREDICT, "description"), None, "operation-description"),
    ((*PREDICT, "operationId"), "predictReviews", "rule/operation-id-makes-a-method-name"),
    ((*PREDICT, "tags"), ["predictions", "model"], "rule/operation-has-one-tag"),
    ((*PREDICT, *OK), None, "rule/response-has-an-example"),
    ((*PREDICT, "requestBody", "content", "text/plain"), {"schema": {"type": "string"}}, "request-mime-type"),
    ((*PREDICT, "responses", "503", "$ref"), "#/components/responses/Nothing", "no-unresolved-refs"),
    (("paths", "/explain", "post", *OK, "explanations"), "many", "no-invalid-media-type-examples"),
    (("paths", "/model", "get", "tags"), ["reviews"], "operation-tag-defined"),
    ((*UNAVAILABLE, "content", "application/problem+json", "schema"), None, "rule/body-has-a-schema"),
    ((*UNAVAILABLE, "headers", "Retry-After"), None, "response-contains-header"),
    (("servers", 0, "description"), None, "rule/server-is-described"),
]


def test_linter_finds_every_fault(document: Document, lint: Lint) -> None:
    for (*way, last), value, _ in FAULTS:
        part: Any = reduce(getitem, way, document)
        if value is None:
            del part[last]
        else:
            part[last] = value
    assert lint(document) >= {rule for _, _, rule in FAULTS}
