"""What callers of the published API may rely on, and that the comparison finds what would break them."""

import copy
import json
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from clients.compatibility import breaking_changes, permitted
from tests.servers import ROOT

Document = dict[str, Any]
Edit = Callable[[Document], None]
REMOVE = object()


def published() -> Document:
    document: Document = json.loads((ROOT / "clients/published/openapi.json").read_text())
    return document


def test_openapi_breaks_no_caller_of_the_published_one() -> None:
    """Unless its version says so; clients/README.md says when to replace the published document."""
    old, new = published(), json.loads((ROOT / "openapi.json").read_text())
    broken = breaking_changes(old, new)
    assert not broken or permitted(old["info"]["version"], new["info"]["version"]), "\n".join(broken)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.1.0", "0.1.9", False),
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.9.0", False),
        ("0.1.0", "1.0.0", True),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
        ("2.0.0", "1.9.0", False),
    ],
)
def test_version_permits_breaking_changes(old: str, new: str, expected: bool) -> None:
    assert permitted(old, new) is expected


def edit(place: str, value: Any = REMOVE) -> Edit:
    """Set, insert or remove a part of a document; spaces separate the names, as paths contain slashes and dots."""

    def apply(document: Document) -> None:
        *way, last = place.split()
        part: Any = document
        for name in way:
            part = part[int(name) if isinstance(part, list) else name]
        if isinstance(part, list):
            part.remove(last) if value is REMOVE else part.insert(int(last), value)
        elif value is REMOVE:
            del part[last]
        else:
            part[last] = value

    return apply


PREDICT, MODEL = "paths /predict post", "paths /model get"
SCHEMAS = "components schemas"
REQUEST, PREDICTION, PROBLEM = (f"{SCHEMAS} {name}" for name in ("PredictRequest", "Prediction", "Problem"))
REVIEWS, HINT = f"{REQUEST} properties reviews", f"{REQUEST} properties hint"
SENTIMENT, WORDS = f"{PREDICTION} properties sentiment", f"{PREDICTION} properties words"
ANSWER = f"{PREDICT} responses 200 content application/json"
RETRY_AFTER = "components responses Unavailable headers Retry-After"
LANGUAGE = {"name": "language", "in": "query", "required": False, "schema": {"type": "string", "enum": ["en", "de"]}}


def prepared() -> Document:
    """The published document with parts of which it has none: an enumerated parameter, and in a request an optional
    field and a bound.
    """
    document = published()
    edit(f"{REVIEWS} maxItems", 128)(document)
    edit(f"{MODEL} parameters", [LANGUAGE])(document)
    edit(HINT, {"type": "string", "default": "none"})(document)
    return document


def rename_schema(document: Document) -> None:
    edit(f"{SCHEMAS} Score", document["components"]["schemas"].pop("Prediction"))(document)
    edit(f"{SCHEMAS} PredictResponse properties predictions items $ref", f"#/{SCHEMAS.replace(' ', '/')}/Score")(
        document
    )


BREAKING: list[tuple[str, Edit]] = [
    ("the first server: / -> /api", edit("servers", [{"url": "/api"}])),
    ("/model: removed", edit("paths /model")),
    ("POST /predict: removed", edit(PREDICT)),
    ("operationId predict -> score", edit(f"{PREDICT} operationId", "score")),
    ("tags ['predictions'] -> ['scores']", edit(f"{PREDICT} tags", ["scores"])),
    ("nothing no longer suffices", edit(f"{PREDICT} security", [{"key": []}])),
    ("['key'] no longer suffices", edit(f"{MODEL} security", [{"other": []}])),
    ("security scheme key: changed", edit("components securitySchemes key scheme", "basic")),
    ("query parameter language: removed", edit(f"{MODEL} parameters", [])),
    (
        "query parameter x: new and required",
        edit(f"{MODEL} parameters 1", {"name": "x", "in": "query", "required": True}),
    ),
    ("language: now required", edit(f"{MODEL} parameters 0 required", True)),
    ('language: values "de", "en" -> "en"', edit(f"{MODEL} parameters 0 schema enum", ["en"])),
    ("language: style None -> spaceDelimited", edit(f"{MODEL} parameters 0 style", "spaceDelimited")),
    ("body: removed", edit(f"{PREDICT} requestBody")),
    ("body application/json: removed", edit(f"{PREDICT} requestBody content", {"text/plain": {}})),
    ("body: now required", edit(f"{MODEL} requestBody", {"required": True, "content": {}})),
    (".hint: removed", edit(HINT)),
    (".hint: now required", edit(f"{REQUEST} required 1", "hint")),
    (".hint: default 'none' -> 'all'", edit(f"{HINT} default", "all")),
    ('.hint: values any -> "none"', edit(f"{HINT} enum", ["none"])),
    (".reviews[]: type string -> integer", edit(f"{REVIEWS} items type", "integer")),
    (".reviews: maxItems 128 -> 64", edit(f"{REVIEWS} maxItems", 64)),
    (".reviews: minItems 1 -> 2", edit(f"{REVIEWS} minItems", 2)),
    (".reviews: uniqueItems None -> True", edit(f"{REVIEWS} uniqueItems", True)),
    ("string is no longer taken", edit(f"{REVIEWS} items", {"anyOf": [{"type": "integer"}]})),
    ("POST /predict: 422: removed", edit(f"{PREDICT} responses 422")),
    ("200: application/json: removed", edit(ANSWER)),
    ("503: header Retry-After: removed", edit(RETRY_AFTER)),
    ("header Retry-After: type integer -> string", edit("components headers Retry-After schema type", "string")),
    (".words: removed", edit(WORDS)),
    (".words: no longer always there", edit(f"{PREDICTION} required words")),
    (".words: type integer -> number", edit(f"{WORDS} type", "number")),
    (".words: type integer -> ['integer', 'null']", edit(f"{WORDS} type", ["integer", "null"])),
    ('.sentiment: values "negative", "positive" -> "mixed"', edit(f"{SENTIMENT} enum 2", "mixed")),
    ('.sentiment: values "negative", "positive" -> any', edit(f"{SENTIMENT} enum")),
    ("maximum 1.0 -> None", edit(f"{PREDICTION} properties positive_probability maximum")),
    ("null is new", edit(f"{PROBLEM} properties limit", {"anyOf": [{"type": "integer"}, {"type": "null"}]})),
    (".metrics.*", edit(f"{SCHEMAS} ModelResponse properties metrics additionalProperties", True)),
    ("schema Prediction: removed or renamed", rename_schema),
]


@pytest.mark.parametrize("case", BREAKING, ids=itemgetter(0))
def test_breaking_change_is_found(case: tuple[str, Edit]) -> None:
    message, change = case
    old = prepared()
    new = copy.deepcopy(old)
    change(new)
    found = breaking_changes(old, new)
    assert any(message in each for each in found), found


OPERATION = {"operationId": "get_words", "tags": ["model"], "responses": {"200": {"description": "Words."}}}
ALLOWED: dict[str, Edit] = {
    "path": edit("paths /words", {"get": OPERATION}),
    "operation": edit("paths /model head", OPERATION),
    "optional parameter": edit(f"{MODEL} parameters 1", {"name": "x", "in": "query", "schema": {"type": "integer"}}),
    "parameter's value": edit(f"{MODEL} parameters 0 schema enum 2", "fr"),
    "media type of a request": edit(f"{PREDICT} requestBody content text/plain", {"schema": {"type": "string"}}),
    "optional body": edit(f"{PREDICT} requestBody required", False),
    "request's optional field": edit(f"{REQUEST} properties language", {"type": "string"}),
    "request's wider bound": edit(f"{REVIEWS} maxItems", 256),
    "request without a pattern": edit(f"{REVIEWS} items pattern"),
    "request's field no longer required": edit(f"{REQUEST} required reviews"),
    "request's type": edit(f"{HINT} type", ["string", "integer"]),
    "status": edit(f"{PREDICT} responses 429", {"description": "Too many."}),
    "response's header": edit(f"{PREDICT} responses 200 headers X-Model", {"schema": {"type": "string"}}),
    "response's field": edit(f"{PREDICTION} properties stars", {"type": "integer"}),
    "response's field always there": edit(f"{PROBLEM} required 0", "limit"),
    "response's narrower bound": edit(f"{WORDS} minimum", 1),
    "response's narrower type": edit(f"{PREDICTION} properties positive_probability type", "integer"),
    "response with fewer values": edit(f"{SENTIMENT} enum positive"),
    "response without null": edit(f"{SCHEMAS} Encoding properties start_column", {"type": "integer"}),
    "response's null in other words": edit(
        f"{SCHEMAS} Encoding properties start_column", {"type": ["integer", "null"]}
    ),
    "optional key": edit("paths /health/live get security", [{}, {"key": []}]),
    "description": edit(f"{WORDS} description", "How many."),
    "second server": edit("servers", [{"url": "/"}, {"url": "/v3"}]),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_addition_is_allowed(name: str) -> None:
    old = prepared()
    new = copy.deepcopy(old)
    ALLOWED[name](new)
    assert breaking_changes(old, new) == []


def test_recursive_schemas_are_compared() -> None:
    old = published()
    tree = {"type": "object", "properties": {"word": {"type": "string"}, "next": {"$ref": "#/components/schemas/Tree"}}}
    old["components"]["schemas"]["Tree"] = tree
    edit(f"{ANSWER} schema", {"$ref": "#/components/schemas/Tree"})(old)
    new = copy.deepcopy(old)
    assert breaking_changes(old, new) == []
    new["components"]["schemas"]["Tree"]["properties"]["word"]["type"] = "integer"
    assert breaking_changes(old, new) == ["POST /predict: 200: application/json.word: type string -> integer"]


@pytest.mark.parametrize("field", ["recipe", "dataset"])
def test_change_behind_an_unchanged_reference_is_found(field: str) -> None:
    """Of a map; only one field refers to the schema, so that it is not found through the other."""
    old = published()
    edit(f"{SCHEMAS} ModelResponse properties {'dataset' if field == 'recipe' else 'recipe'}")(old)
    edit(f"{SCHEMAS} JsonValue type", "string")(old)
    new = copy.deepcopy(old)
    edit(f"{SCHEMAS} JsonValue type", "integer")(new)
    assert f"GET /model: 200: application/json.{field}.*: type string -> integer" in breaking_changes(old, new)
