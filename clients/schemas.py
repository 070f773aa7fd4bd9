"""Which changes of a JSON Schema break callers.

Schemas of requests must not accept less than before, and schemas of responses must not allow more. Changes that the
comparison does not understand, such as another regular expression, count as breaking, so that somebody looks at them.
"""

import json
from typing import Any

Schema = dict[str, Any]

JSON_TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
ANNOTATIONS = frozenset(
    ("title", "description", "example", "examples", "deprecated", "$comment", "readOnly", "writeOnly", "default")
)
"""Keywords that reject nothing; a changed `default` in a request is checked separately."""

STRUCTURE = frozenset(("$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items"))


class SchemaComparison:
    """Compares schemas of two OpenAPI documents and collects what breaks callers in `found`."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new
        self.found: list[str] = []
        self.compared: set[tuple[str, str, bool]] = set()
        """Pairs of references and their direction; schemas may refer to themselves."""

    def compare(self, where: str, old: Any, new: Any, sent: bool) -> None:
        """Compare two schemas, of what callers send or of what they receive."""
        references = _reference(old), _reference(new)
        if all(references):
            if (*references, sent) in self.compared:
                return
            self.compared.add((*references, sent))
        old, new = _plain(self.old, old), _plain(self.new, new)
        if sent and old.get("default") != new.get("default"):
            self.found.append(f"{where}: default {old.get('default')!r} -> {new.get('default')!r}")
        if _alternatives(old) or _alternatives(new):
            self._compare_alternatives(where, old, new, sent)
            return
        narrow, wide = (old, new) if sent else (new, old)
        if not _types(narrow) <= _types(wide):
            self.same(f"{where}: type", old.get("type"), new.get("type"))
            return
        allowed, values = _values(wide), _values(narrow)
        if allowed is not None and (values is None or not values <= allowed):
            self.same(f"{where}: values", _shown(_values(old)), _shown(_values(new)))
        for keyword in sorted(wide.keys() - ANNOTATIONS - STRUCTURE):
            if not _within(keyword, narrow.get(keyword), wide[keyword]):
                self.same(f"{where}: {keyword}", old.get(keyword), new.get(keyword))
        self._compare_objects(where, old, new, sent)
        if "items" in old or "items" in new:
            self.compare(f"{where}[]", old.get("items", {}), new.get("items", {}), sent)

    def _compare_objects(self, where: str, old: Schema, new: Schema, sent: bool) -> None:
        properties = old.get("properties", {}), new.get("properties", {})
        for place, was, now in self.pairs(f"{where}.", *properties):
            self.compare(place, was, now, sent)
        narrow, wide = (old, new) if sent else (new, old)
        for name in sorted(set(wide.get("required", [])) - set(narrow.get("required", []))):
            if sent or name in properties[1]:
                self.found.append(f"{where}.{name}: {'now required' if sent else 'no longer always there'}")
        if "additionalProperties" in old or "additionalProperties" in new:
            others = old.get("additionalProperties", True), new.get("additionalProperties", True)
            self.compare(f"{where}.*", *others, sent)

    def _compare_alternatives(self, where: str, old: Schema, new: Schema, sent: bool) -> None:
        """Each alternative of the narrower side must fit one of the wider side."""
        if _beside_alternatives(old) != _beside_alternatives(new):
            self.found.append(f"{where}: keywords beside alternatives changed")
        olds, news = _alternatives(old) or _by_type(old), _alternatives(new) or _by_type(new)
        narrow, wide = (olds, news) if sent else (news, olds)
        for alternative in narrow:
            if not any(self._fits(alternative, other, sent) for other in wide):
                name = _reference(alternative) or alternative.get("type", alternative)
                self.found.append(f"{where}: alternatives: {name} {'is no longer taken' if sent else 'is new'}")

    def _fits(self, narrow: Any, wide: Any, sent: bool) -> bool:
        trial = SchemaComparison(self.old, self.new)
        trial.compared = set(self.compared)
        trial.compare("", *((narrow, wide) if sent else (wide, narrow)), sent)
        return not trial.found

    def same(self, where: str, old: object, new: object) -> None:
        """Report a value that changed."""
        if old != new:
            self.found.append(f"{where} {old} -> {new}")

    def pairs(self, prefix: str, old: Schema, new: Schema, gone: str = "removed") -> list[tuple[str, Any, Any]]:
        """The parts that both sides have, with their prefixed names; reports those that the new side lacks."""
        self.found += [f"{prefix}{name}: {gone}" for name in old if name not in new]
        return [(f"{prefix}{name}", part, new[name]) for name, part in old.items() if name in new]


def resolve(document: Schema, part: Any) -> Any:
    """Follow references within a document."""
    while isinstance(part, dict) and "$ref" in part:
        target: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        part = target
    return part


def constraints(part: Schema) -> Schema:
    """A part without annotations."""
    return {name: value for name, value in part.items() if name not in ANNOTATIONS}


def _reference(schema: Any) -> str:
    return schema.get("$ref", "") if isinstance(schema, dict) else ""


def _plain(document: Schema, schema: Any) -> Schema:
    """A schema as a dictionary; True allows anything, False nothing."""
    schema = resolve(document, schema)
    if isinstance(schema, bool):
        return {} if schema else {"type": []}
    plain: Schema = schema
    return plain


def _alternatives(schema: Schema) -> list[Any]:
    return schema.get("anyOf") or schema.get("oneOf") or []


def _by_type(schema: Schema) -> list[Schema]:
    types = schema.get("type")
    return [{**schema, "type": name} for name in types] if isinstance(types, list) else [schema]


def _beside_alternatives(schema: Schema) -> Schema:
    others = {name: value for name, value in constraints(schema).items() if name not in ("anyOf", "oneOf")}
    return others if _alternatives(schema) else {}


def _types(schema: Schema) -> frozenset[str]:
    types = schema.get("type", JSON_TYPES)
    named = frozenset([types] if isinstance(types, str) else types)
    return named | {"integer"} if "number" in named else named


def _values(schema: Schema) -> set[str] | None:
    """The allowed values as JSON; None if they are not listed."""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else set(map(json.dumps, values))


def _shown(values: set[str] | None) -> str:
    return "any" if values is None else ", ".join(sorted(values))


def _within(keyword: str, narrow: Any, wide: Any) -> bool:
    """Whether the narrower side's bound implies the wider side's."""
    if narrow is not None and keyword.startswith(("min", "exclusiveMin")):
        return bool(narrow >= wide)
    if narrow is not None and keyword.startswith(("max", "exclusiveMax")):
        return bool(narrow <= wide)
    return bool(narrow == wide)
