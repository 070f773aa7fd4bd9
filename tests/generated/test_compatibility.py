"""What callers of the published API may rely on; and that the comparison sees what would break them."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from clients.compatibility import breaking_changes, permitted
from tests.servers import ROOT

Document = dict[str, Any]
Edit = Callable[[Document], None]


def published() -> Document:
    document: Document = json.loads((ROOT / "clients/published/openapi.json").read_text())
    return document


def test_openapi_breaks_no_caller_of_the_published_one() -> None:
    """Unless its version says so. clients/README.md tells when the published document is replaced."""
    old, new = published(), json.loads((ROOT / "openapi.json").read_text())
    broken = breaking_changes(old, new)
    assert not broken or permitted(old["info"]["version"], new["info"]["version"]), "\n".join(broken)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.9", False),
        ("0.1.0", "0.2.0", True),
        ("0.1.0", "1.0.0", True),
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.9.0", False),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
        ("2.0.0", "1.9.0", False),
    ],
)
def test_version_permits_breaking_changes(old: str, new: str, expected: bool) -> None:
    assert permitted(old, new) is expected


def set_(path: str, value: Any) -> Edit:
    """Set a member, given by its way through the document; spaces separate, as paths hold slashes and dots."""

    def edit(document: Document) -> None:
        *way, last = path.split()
        part: Any = document
        for name in way:
            part = part[int(name) if isinstance(part, list) else name]
        if isinstance(part, list):
            part.insert(int(last), value)
        else:
            part[last] = value

    return edit


def drop(path: str) -> Edit:
    def edit(document: Document) -> None:
        *way, last = path.split()
        part: Any = document
        for name in way:
            part = part[int(name) if isinstance(part, list) else name]
        if isinstance(part, list):
            part.remove(last)
        else:
            del part[last]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(document: Document) -> None:
        for each in edits:
            each(document)

    return edit


PREDICT = "paths /predict post"
MODEL = "paths /model get"
SCHEMAS = "components schemas"
REVIEWS = f"{SCHEMAS} PredictRequest properties reviews"
ANSWER = f"{PREDICT} responses 200 content application/json"
LANGUAGE = {"name": "language", "in": "query", "required": False, "schema": {"type": "string", "enum": ["en", "de"]}}
NEW_OPERATION = {"operationId": "get_words", "tags": ["model"], "responses": {"200": {"description": "Words."}}}

PREPARED: Edit = both(
    set_(f"{MODEL} parameters", [LANGUAGE]),
    set_(f"{SCHEMAS} PredictRequest properties hint", {"type": "string", "default": "none"}),
)
"""The real document has no parameter and no optional field in its request; for some of the edits it needs them."""

BREAKING: list[tuple[str, Edit, str]] = [
    ("served elsewhere", set_("servers", [{"url": "/api"}]), "the first server: / -> /api"),
    ("path removed", drop("paths /model"), "/model: removed"),
    ("operation removed", drop(PREDICT), "POST /predict: removed"),
    ("operation id renamed", set_(f"{PREDICT} operationId", "score"), "operationId predict -> score"),
    ("tag renamed", set_(f"{PREDICT} tags", ["scores"]), "tags"),
    ("key demanded", set_(f"{PREDICT} security", [{"key": []}]), "nothing no longer suffices"),
    ("key no longer known", set_(f"{MODEL} security", [{"other": []}]), "['key'] no longer suffices"),
    ("security scheme", set_("components securitySchemes key scheme", "basic"), "security scheme key: changed"),
    ("parameter removed", set_(f"{MODEL} parameters", []), "query parameter language: removed"),
    (
        "parameter new and required",
        set_(f"{MODEL} parameters 1", {"name": "x", "in": "query", "required": True, "schema": {}}),
        "query parameter x: new and required",
    ),
    ("parameter now required", set_(f"{MODEL} parameters 0 required", True), "language: now required"),
    ("parameter narrowed", set_(f"{MODEL} parameters 0 schema enum", ["en"]), 'values "de", "en" -> "en"'),
    ("parameter moved", set_(f"{MODEL} parameters 0 in", "header"), "query parameter language: removed"),
    ("parameter's style", set_(f"{MODEL} parameters 0 style", "spaceDelimited"), "style None -> spaceDelimited"),
    ("body removed", drop(f"{PREDICT} requestBody"), "body: removed"),
    ("body of another media type", set_(f"{PREDICT} requestBody content", {"text/plain": {}}), "json: removed"),
    ("body where none was", set_(f"{MODEL} requestBody", {"required": True, "content": {}}), "body: now required"),
    ("request's field removed", drop(f"{SCHEMAS} PredictRequest properties hint"), ".hint: removed"),
    ("request's field now required", set_(f"{SCHEMAS} PredictRequest required 1", "hint"), ".hint: now required"),
    (
        "request's new field required",
        both(
            set_(f"{SCHEMAS} PredictRequest properties language", {"type": "string"}),
            set_(f"{SCHEMAS} PredictRequest required 1", "language"),
        ),
        ".language: now required",
    ),
    ("request's type", set_(f"{REVIEWS} items type", "integer"), ".reviews[]: type string -> integer"),
    ("request's upper bound", set_(f"{REVIEWS} maxItems", 64), "maxItems 128 -> 64"),
    ("request's lower bound", set_(f"{REVIEWS} minItems", 2), "minItems 1 -> 2"),
    ("request's new bound", set_(f"{REVIEWS} uniqueItems", True), "uniqueItems None -> True"),
    ("request's pattern", set_(f"{REVIEWS} items pattern", "[a-z]"), "pattern"),
    ("request's default", set_(f"{SCHEMAS} PredictRequest properties hint default", "all"), "default 'none' -> 'all'"),
    ("request's enum", set_(f"{SCHEMAS} PredictRequest properties hint enum", ["none"]), 'values any -> "none"'),
    ("request's alternatives", set_(f"{REVIEWS} items", {"anyOf": [{"type": "integer"}]}), "string is no longer taken"),
    ("status removed", drop(f"{PREDICT} responses 422"), "POST /predict: 422: removed"),
    ("answer's media type", drop(ANSWER), "200: application/json: removed"),
    ("answer's header", drop(f"{PREDICT} responses 503 headers Retry-After"), "503: header Retry-After: removed"),
    (
        "answer's header's type",
        set_(f"{PREDICT} responses 503 headers Retry-After schema type", "string"),
        "header Retry-After: type integer -> string",
    ),
    ("answer's field removed", drop(f"{SCHEMAS} Prediction properties words"), ".words: removed"),
    ("answer's field optional", drop(f"{SCHEMAS} Prediction required words"), ".words: no longer always there"),
    ("problem's optional field removed", drop(f"{SCHEMAS} Problem properties limit"), ".limit: removed"),
    ("answer's type", set_(f"{SCHEMAS} Prediction properties words type", "number"), "type integer -> number"),
    ("answer's type, several", set_(f"{SCHEMAS} Prediction properties words type", ["integer", "null"]), "null"),
    (
        "answer's new value",
        set_(f"{SCHEMAS} Prediction properties sentiment enum 2", "mixed"),
        '.sentiment: values "negative", "positive" -> "mixed", "negative", "positive"',
    ),
    ("answer's values", drop(f"{SCHEMAS} Prediction properties sentiment enum"), "-> any"),
    ("answer's bound", drop(f"{SCHEMAS} Prediction properties positive_probability maximum"), "maximum 1.0 -> None"),
    (
        "answer nullable",
        set_(f"{SCHEMAS} Problem properties limit", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "null is new",
    ),
    ("answer a list", set_(ANSWER, {"schema": {"type": "array"}}), "type object -> array"),
    ("answer's map", set_(f"{SCHEMAS} ModelResponse properties metrics additionalProperties", True), ".metrics.*"),
    ("answer inline", set_(f"{ANSWER} schema", {}), "200: application/json: type object -> None"),
    (
        "schema renamed",
        both(
            lambda document: set_(f"{SCHEMAS} Score", document["components"]["schemas"].pop("Prediction"))(document),
            set_(f"{SCHEMAS} PredictResponse properties predictions items $ref", "#/components/schemas/Score"),
        ),
        "schema Prediction: removed or renamed",
    ),
]

TOLERATED: list[tuple[str, Edit]] = [
    ("nothing", lambda _: None),
    ("path added", set_("paths /words", {"get": NEW_OPERATION})),
    ("operation added", set_("paths /model head", NEW_OPERATION)),
    ("parameter added", set_(f"{MODEL} parameters 1", {"name": "x", "in": "query", "schema": {"type": "integer"}})),
    ("parameter widened", set_(f"{MODEL} parameters 0 schema enum 2", "fr")),
    ("parameter's values freed", drop(f"{MODEL} parameters 0 schema enum")),
    ("body of a further media type", set_(f"{PREDICT} requestBody content text/plain", {"schema": {"type": "string"}})),
    ("body optional", set_(f"{PREDICT} requestBody required", False)),
    ("request's optional field", set_(f"{SCHEMAS} PredictRequest properties language", {"type": "string"})),
    ("request's bounds widened", both(set_(f"{REVIEWS} maxItems", 256), set_(f"{REVIEWS} minItems", 0))),
    ("request's bound dropped", drop(f"{REVIEWS} maxItems")),
    ("request's pattern dropped", drop(f"{REVIEWS} items pattern")),
    ("request's field no longer required", drop(f"{SCHEMAS} PredictRequest required reviews")),
    ("request open", drop(f"{SCHEMAS} PredictRequest additionalProperties")),
    ("request's further type", set_(f"{SCHEMAS} PredictRequest properties hint type", ["string", "integer"])),
    ("status added", set_(f"{PREDICT} responses 429", {"description": "Too many."})),
    ("answer's field", set_(f"{SCHEMAS} Prediction properties stars", {"type": "integer"})),
    (
        "answer's field, always there",
        both(
            set_(f"{SCHEMAS} Prediction properties stars", {"type": "integer"}),
            set_(f"{SCHEMAS} Prediction required 0", "stars"),
        ),
    ),
    ("problem's field always there", set_(f"{SCHEMAS} Problem required 0", "limit")),
    ("answer's bounds narrowed", set_(f"{SCHEMAS} Prediction properties words minimum", 1)),
    ("answer's values fewer", drop(f"{SCHEMAS} Prediction properties sentiment enum positive")),
    ("answer's type narrowed", set_(f"{SCHEMAS} Prediction properties positive_probability type", "integer")),
    ("answer's null gone", set_(f"{SCHEMAS} Encoding properties start_column", {"type": "integer"})),
    (
        "answer's null in other words",
        set_(f"{SCHEMAS} Encoding properties start_column", {"type": ["integer", "null"]}),
    ),
    ("answer's header", set_(f"{PREDICT} responses 200 headers X-Model", {"schema": {"type": "string"}})),
    ("key for some", set_("paths /health/live get security", [{}, {"key": []}])),
    (
        "words",
        both(set_("info title", "Reviews"), set_(f"{PREDICT} summary", "Score"), set_(f"{PREDICT} description", "")),
    ),
    ("examples", drop(f"{ANSWER} example")),
    ("a field's words", set_(f"{SCHEMAS} Prediction properties words description", "How many.")),
    ("another server", set_("servers", [{"url": "/"}, {"url": "/v3"}])),
]


@pytest.mark.parametrize(("edit", "complaint"), [case[1:] for case in BREAKING], ids=[case[0] for case in BREAKING])
def test_breaking_change_is_found(edit: Edit, complaint: str) -> None:
    old = published()
    PREPARED(old)
    new = copy.deepcopy(old)
    edit(new)
    assert any(complaint in found for found in breaking_changes(old, new)), breaking_changes(old, new)


@pytest.mark.parametrize("edit", [case[1] for case in TOLERATED], ids=[case[0] for case in TOLERATED])
def test_addition_is_tolerated(edit: Edit) -> None:
    old = published()
    PREPARED(old)
    new = copy.deepcopy(old)
    edit(new)
    assert breaking_changes(old, new) == []


def test_schemas_that_hold_themselves_are_compared() -> None:
    """Through references in both documents, and through one that was written out."""
    old = published()
    tree = {"type": "object", "properties": {"word": {"type": "string"}, "next": {"$ref": "#/components/schemas/Tree"}}}
    old["components"]["schemas"]["Tree"] = tree
    set_(f"{ANSWER} schema", {"$ref": "#/components/schemas/Tree"})(old)
    new = copy.deepcopy(old)
    assert breaking_changes(old, new) == []
    new["components"]["schemas"]["Tree"]["properties"]["word"]["type"] = "integer"
    assert breaking_changes(old, new) == ["POST /predict: 200: application/json.word: type string -> integer"]
    set_(f"{ANSWER} schema", copy.deepcopy(tree))(new)
    assert breaking_changes(old, new) == ["POST /predict: 200: application/json.next.word: type string -> integer"]


@pytest.mark.parametrize("field", ["recipe", "dataset"])
def test_change_behind_an_unchanged_reference_of_a_map_is_found(field: str) -> None:
    old = published()
    values = old["components"]["schemas"]["ModelResponse"]["properties"][field]["additionalProperties"]
    assert values == {"$ref": "#/components/schemas/JsonValue"}
    # Only one of the two places leads there, so that each has to be walked by itself.
    other = {"recipe": "dataset", "dataset": "recipe"}[field]
    drop(f"{SCHEMAS} ModelResponse properties {other}")(old)
    set_(f"{SCHEMAS} JsonValue type", "string")(old)
    new = copy.deepcopy(old)
    assert breaking_changes(old, new) == []
    set_(f"{SCHEMAS} JsonValue type", "integer")(new)
    assert f"GET /model: 200: application/json.{field}.*: type string -> integer" in breaking_changes(old, new)
