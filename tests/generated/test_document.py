"""The OpenAPI document as a product: valid, and as the linter and the generators want it."""

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

OWN = ("PredictRequest", "PredictResponse", "Prediction", "ModelName", "ModelResponse", "Encoding", "Limits", "Health")
"""Schemas of this service's own API; those under /v1 and /v2 follow other protocols."""


@pytest.fixture(scope="session")
def document() -> Document:
    return create_app(Settings()).openapi()


@pytest.fixture(scope="session")
def lint(node_packages: Path) -> Callable[[Document, Path], set[str]]:
    """Lint a document within a folder; returns the names of the rules that it breaks."""

    def lint(document: Document, folder: Path) -> set[str]:
        path = folder / "openapi.json"
        path.write_text(json.dumps(document))
        config = str(ROOT / "clients/redocly.yaml")
        done = subprocess.run(
            [str(node_packages / "redocly"), "lint", str(path), "--config", config, "--format", "json"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        report = json.loads(done.stdout)
        broken = {problem["ruleId"] for problem in report["problems"]}
        assert (done.returncode == 0) == (not broken)
        assert report["totals"]["errors"] + report["totals"]["warnings"] == len(report["problems"])
        assert report["totals"]["ignored"] == 0
        return broken

    return lint


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_openapi_document_is_valid(document: Document) -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(document)).validate()


def test_openapi_validator_would_find_a_fault(document: Document) -> None:
    wrong = copy.deepcopy(document)
    del wrong["paths"]["/predict"]["post"]["responses"]["200"]["description"]
    assert not OpenAPIV31SpecValidator(wrong).is_valid()


def test_openapi_says_who_what_and_where(document: Document) -> None:
    info = document["info"]
    assert {"title", "summary", "description", "version", "license", "contact"} <= info.keys()
    assert info["license"]["identifier"] == "Apache-2.0"
    assert document["servers"][0]["description"]
    assert [tag["name"] for tag in document["tags"] if not tag["description"]] == []


def test_openapi_operations_make_good_methods(document: Document) -> None:
    found = dict(operations(document))
    assert found["POST /predict"]["operationId"] == "predict"
    assert found["GET /model"]["operationId"] == "get_model"
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for where, operation in found.items():
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["operationId"].isidentifier(), where
        assert set(operation["tags"]) <= tags, where


def test_openapi_examples_fit_their_schemas(document: Document) -> None:
    """And every answer in JSON has one."""
    for where, operation in operations(document):
        for status, answer in operation["responses"].items():
            for media, body in resolve(document, answer).get("content", {}).items():
                if not media.endswith("json"):
                    continue
                examples = [named["value"] for named in body.get("examples", {}).values()]
                examples += [body["example"]] if "example" in body else []
                assert examples, f"{where} {status}"
                schema = {**body["schema"], "components": document["components"]}
                for example in examples:
                    jsonschema_rs.validate(schema, example)


def test_openapi_schemas_are_explained(document: Document) -> None:
    """A description for each field that is no reference, and no leftovers of Python's docstrings."""
    for name in (*OWN, "Problem", "Violation"):
        schema = document["components"]["schemas"][name]
        assert "Attributes:" not in schema["description"], name
        for field, part in schema["properties"].items():
            assert "$ref" in part or part["description"], f"{name}.{field}"


def test_openapi_fields_are_no_unions(document: Document) -> None:
    """Save for the columns that an encoding may be without."""
    unions = [
        f"{name}.{field}"
        for name in (*OWN, "Problem", "Violation")
        for field, schema in document["components"]["schemas"][name]["properties"].items()
        if {"anyOf", "oneOf"} & schema.keys() or isinstance(schema.get("type"), list)
    ]
    assert unions == ["Encoding.start_column", "Encoding.unknown_column"]


def test_linter_finds_nothing(document: Document, tmp_path: Path, lint: Callable[[Document, Path], set[str]]) -> None:
    assert lint(document, tmp_path) == set()


PREDICT = ("paths", "/predict", "post")
PREDICTED = (*PREDICT, "responses", "200", "content", "application/json", "example")
UNAVAILABLE = ("components", "responses", "Unavailable")


@pytest.mark.parametrize(
    ("place", "value", "rule"),
    [
        ((*PREDICT, "description"), None, "operation-description"),
        ((*PREDICT, "operationId"), "predictReviews", "rule/operation-id-makes-a-method-name"),
        ((*PREDICT, "tags"), ["reviews"], "operation-tag-defined"),
        ((*PREDICT, "tags"), ["predictions", "model"], "rule/operation-has-one-tag"),
        (PREDICTED, None, "rule/response-has-an-example"),
        ((*PREDICTED, "predictions"), "many", "no-invalid-media-type-examples"),
        ((*UNAVAILABLE, "content", "application/problem+json", "schema"), None, "rule/body-has-a-schema"),
        ((*UNAVAILABLE, "headers", "Retry-After"), None, "response-contains-header"),
        ((*PREDICT, "requestBody", "content", "text/plain"), {"schema": {"type": "string"}}, "request-mime-type"),
        ((*PREDICT, "responses", "503", "$ref"), "#/components/responses/Nothing", "no-unresolved-refs"),
    ],
)
def test_linter_finds_a_fault(
    document: Document,
    tmp_path: Path,
    lint: Callable[[Document, Path], set[str]],
    place: tuple[str, ...],
    value: object,
    rule: str,
) -> None:
    wrong = copy.deepcopy(document)
    *way, last = place
    part = reduce(getitem, way, wrong)
    if value is None:
        del part[last]
    else:
        part[last] = value
    assert rule in lint(wrong, tmp_path)
