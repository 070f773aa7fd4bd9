"""The OpenAPI document as a product: valid, and as the linter and the generators want it."""

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.main import create_app
from app.settings import Settings
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
            for media, body in answer.get("content", {}).items():
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


def without_description(operation: Document) -> None:
    del operation["description"]


def with_camel_case(operation: Document) -> None:
    operation["operationId"] = "predictReviews"


def with_unknown_tag(operation: Document) -> None:
    operation["tags"] = ["reviews"]


def with_two_tags(operation: Document) -> None:
    operation["tags"] = ["predictions", "model"]


def without_answers_example(operation: Document) -> None:
    del operation["responses"]["200"]["content"]["application/json"]["example"]


def with_wrong_example(operation: Document) -> None:
    operation["responses"]["200"]["content"]["application/json"]["example"]["predictions"][0]["words"] = "many"


def without_schema(operation: Document) -> None:
    del operation["responses"]["503"]["content"]["application/problem+json"]["schema"]


def without_retry_after(operation: Document) -> None:
    del operation["responses"]["503"]["headers"]["Retry-After"]


def with_another_media_type(operation: Document) -> None:
    operation["requestBody"]["content"]["text/plain"] = {"schema": {"type": "string"}}


def without_its_schema(operation: Document) -> None:
    operation["requestBody"]["content"]["application/json"]["schema"]["$ref"] = "#/components/schemas/Nothing"


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (without_description, "operation-description"),
        (with_camel_case, "rule/operation-id-makes-a-method-name"),
        (with_unknown_tag, "operation-tag-defined"),
        (with_two_tags, "rule/operation-has-one-tag"),
        (without_answers_example, "rule/answer-has-an-example"),
        (with_wrong_example, "no-invalid-media-type-examples"),
        (without_schema, "rule/body-has-a-schema"),
        (without_retry_after, "response-contains-header"),
        (with_another_media_type, "request-mime-type"),
        (without_its_schema, "no-unresolved-refs"),
    ],
)
def test_linter_finds_a_fault(
    document: Document,
    tmp_path: Path,
    lint: Callable[[Document, Path], set[str]],
    damage: Callable[[Document], None],
    rule: str,
) -> None:
    wrong = copy.deepcopy(document)
    damage(wrong["paths"]["/predict"]["post"])
    assert rule in lint(wrong, tmp_path)
