"""How a JSON Schema of one OpenAPI document changed in another, as far as it breaks somebody.

What the comparison cannot judge, such as another regular expression, counts: somebody should look at it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JSON_TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
ANNOTATIONS = frozenset(
    ("title", "description", "example", "examples", "deprecated", "$comment", "readOnly", "writeOnly", "default")
)
"""Keywords that refuse nothing. A changed `default` of a request is judged apart."""

LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
ALTERNATIVES = ("anyOf", "oneOf")
STRUCTURE = frozenset(("$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items"))
JUDGED = ANNOTATIONS | STRUCTURE | {*LOWER, *UPPER, *ALTERNATIVES}


@dataclass
class SchemaComparison:
    """Compares schemas of two documents.

    Attributes:
        old: The document that callers know.
        new: The one that they will meet.
        met: Pairs of references that were compared, and for which direction; schemas may refer to themselves.
    """

    old: dict[str, Any]
    new: dict[str, Any]
    met: set[tuple[str, str, bool]] = field(default_factory=set)

    def changes(self, where: str, was: Any, now: Any, sent: bool) -> Iterator[str]:
        """Compare schemas: the new one must take all that callers sent, and the old one all that they get now."""
        old, new = _reference(was), _reference(now)
        if old and new:
            pair = (old, new, sent)
            if pair in self.met:
                return
            self.met.add(pair)
        was, now = _plain(self.old, was), _plain(self.new, now)
        if sent and was.get("default") != now.get("default"):
            yield f"{where}: default {was.get('default')!r} -> {now.get('default')!r}"
        if _alternatives(was) or _alternatives(now):
            yield from self._any_of(where, was, now, sent)
            return
        narrow, wide = (was, now) if sent else (now, was)
        if not _types(narrow) <= _types(wide):
            yield f"{where}: type {was.get('type')} -> {now.get('type')}"
            return
        values, others = _values(narrow), _values(wide)
        if others is not None and (values is None or not values <= others):
            yield f"{where}: values {_shown(was)} -> {_shown(now)}"
        for keyword in (*LOWER, *UPPER):
            if keyword in wide and not _within(keyword, narrow.get(keyword), wide[keyword]):
                yield f"{where}: {keyword} {was.get(keyword)} -> {now.get(keyword)}"
        for keyword in sorted((was.keys() | now.keys()) - JUDGED):
            if keyword in wide and narrow.get(keyword) != wide[keyword]:
                yield f"{where}: {keyword} {was.get(keyword)} -> {now.get(keyword)}"
        yield from self._object(where, was, now, sent)
        if "items" in was or "items" in now:
            yield from self.changes(f"{where}[]", was.get("items", {}), now.get("items", {}), sent)

    def _object(self, where: str, was: dict[str, Any], now: dict[str, Any], sent: bool) -> Iterator[str]:
        narrow, wide = (was, now) if sent else (now, was)
        for name, schema in was.get("properties", {}).items():
            if name not in now.get("properties", {}):
                yield f"{where}.{name}: removed"
            else:
                yield from self.changes(f"{where}.{name}", schema, now["properties"][name], sent)
        for name in sorted(set(wide.get("required", [])) - set(narrow.get("required", []))):
            if sent or name in now.get("properties", {}):
                yield f"{where}.{name}: {'now required' if sent else 'no longer always there'}"
        # Equal ones are walked too: what an unchanged reference leads to may have changed.
        if "additionalProperties" in was or "additionalProperties" in now:
            further = was.get("additionalProperties", True), now.get("additionalProperties", True)
            yield from self.changes(f"{where}.*", *further, sent)

    def _any_of(self, where: str, was: dict[str, Any], now: dict[str, Any], sent: bool) -> Iterator[str]:
        """Each alternative of the narrower side must fit into one of the wider side."""
        if _beside(was) != _beside(now):
            yield f"{where}: what stands beside alternatives changed"
        olds, news = _alternatives(was) or _by_type(was), _alternatives(now) or _by_type(now)
        for alternative in olds if sent else news:
            others = news if sent else olds
            pairs = ((alternative, other) if sent else (other, alternative) for other in others)
            if all(self._objects_to(where, *pair, sent) for pair in pairs):
                yield f"{where}: alternatives: {_named(alternative)} {'is no longer taken' if sent else 'is new'}"

    def _objects_to(self, where: str, was: Any, now: Any, sent: bool) -> bool:
        """Whether one alternative does not fit another; a trial, which leaves no pair behind as compared."""
        trial = SchemaComparison(self.old, self.new, set(self.met))
        return next(trial.changes(where, was, now, sent), None) is not None


def resolve(document: dict[str, Any], part: Any) -> Any:
    """Follow a part's references within the document, if it is one."""
    while isinstance(part, dict) and "$ref" in part:
        target: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


def _reference(schema: Any) -> str | None:
    return schema.get("$ref") if isinstance(schema, dict) else None


def _plain(document: dict[str, Any], schema: Any) -> dict[str, Any]:
    """A schema as a dictionary, its reference followed; True takes anything, False nothing."""
    schema = resolve(document, schema)
    if isinstance(schema, bool):
        return {} if schema else {"type": []}
    assert isinstance(schema, dict)
    return schema


def _alternatives(schema: dict[str, Any]) -> list[Any]:
    return next((schema[keyword] for keyword in ALTERNATIVES if keyword in schema), [])


def _by_type(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema as alternatives of one type each."""
    types = schema.get("type")
    return [{**schema, "type": name} for name in types] if isinstance(types, list) else [schema]


def _beside(schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema with alternatives demands of all of them."""
    if not _alternatives(schema):
        return {}
    return {name: value for name, value in judged(schema).items() if name not in ALTERNATIVES}


def _types(schema: dict[str, Any]) -> frozenset[str]:
    types = schema.get("type", JSON_TYPES)
    named = frozenset([types] if isinstance(types, str) else types)
    return named | {"integer"} if "number" in named else named


def _values(schema: dict[str, Any]) -> set[str] | None:
    """Those that are named, as JSON, or None where any may be."""
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return set(map(json.dumps, schema["enum"])) if "enum" in schema else None


def _shown(schema: dict[str, Any]) -> str:
    values = _values(schema)
    return "any" if values is None else ", ".join(sorted(values))


def _within(keyword: str, narrow: float | None, wide: float) -> bool:
    if narrow is None:
        return keyword in ("minLength", "minItems", "minProperties") and wide == 0
    return narrow >= wide if keyword in LOWER else narrow <= wide


def _named(schema: Any) -> str:
    return str(_reference(schema) or schema.get("type", schema))


def judged(part: dict[str, Any]) -> dict[str, Any]:
    """A part without the words for people."""
    return {name: value for name, value in part.items() if name not in ANNOTATIONS}
