"""Whether a new OpenAPI document breaks the callers of an old one, and whether its version admits it.

`breaking_changes` walks both documents. What a caller may send must not shrink, and what it may get must not grow,
except by new fields, statuses, operations and optional parameters. Names that end up in generated code stay: operation
ids, tags, schemas. What the walk cannot judge, such as another regular expression, counts as breaking: somebody should
look at it.

Written here, as no maintained package of PyPI or npm does this for OpenAPI 3.1: oasdiff and openapi-changes are
programs in Go, openapi-diff stops at OpenAPI 3.0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from clients.schemas import SchemaComparison, judged, resolve

Parameters = dict[tuple[str, str], dict[str, Any]]
"""Place and name -> parameter."""

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def permitted(old_version: str, new_version: str) -> bool:
    """Whether a change of version admits breaking changes: a new major one, or, while it is 0, a new minor one."""
    old, new = (tuple(map(int, version.split(".")[:2])) for version in (old_version, new_version))
    return new > old if old[0] == 0 else new[0] > old[0]


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """List, for people, what would break callers of `old`; both are whole documents of OpenAPI 3.1."""
    return list(_Comparison(old, new, SchemaComparison(old, new)).run())


@dataclass
class _Comparison:
    old: dict[str, Any]
    new: dict[str, Any]
    schemas: SchemaComparison

    def run(self) -> Iterator[str]:
        was_at, now_at = ((one.get("servers") or [{"url": "/"}])[0]["url"] for one in (self.old, self.new))
        if was_at != now_at:  # where generated clients ask that were told nothing else
            yield f"the first server: {was_at} -> {now_at}"
        for path, was in self.old["paths"].items():
            now = self.new["paths"].get(path)
            if now is None:
                yield f"{path}: removed"
                continue
            for method in METHODS:
                where = f"{method.upper()} {path}"
                if method in was and method not in now:
                    yield f"{where}: removed"
                elif method in was:
                    shared = was.get("parameters", []), now.get("parameters", [])
                    yield from self._operation(where, was[method], now[method], shared)
        components = self.old.get("components", {}), self.new.get("components", {})
        for name in components[0].get("schemas", {}):
            if name not in components[1].get("schemas", {}):
                yield f"schema {name}: removed or renamed, generated classes bear its name"
        for name, scheme in components[0].get("securitySchemes", {}).items():
            now = components[1].get("securitySchemes", {}).get(name, {})
            if judged(scheme) != judged(now):
                yield f"security scheme {name}: changed"

    def _operation(
        self, where: str, was: dict[str, Any], now: dict[str, Any], shared: tuple[list[Any], list[Any]]
    ) -> Iterator[str]:
        for name in ("operationId", "tags"):  # generators name methods after the one, modules after the other
            if was.get(name) != now.get(name):
                yield f"{where}: {name} {was.get(name)} -> {now.get(name)}"
        # Each of the alternatives that sufficed must suffice still.
        security = now.get("security", self.new.get("security", []))
        for alternative in was.get("security", self.old.get("security", [])) or [{}]:
            if security and not any(set(wanted) <= set(alternative) for wanted in security):
                yield f"{where}: security: {sorted(alternative) or 'nothing'} no longer suffices"
        yield from self._parameters(
            where,
            self._parameters_of(self.old, [*shared[0], *was.get("parameters", [])]),
            self._parameters_of(self.new, [*shared[1], *now.get("parameters", [])]),
        )
        yield from self._body(where, was.get("requestBody"), now.get("requestBody"))
        for status, answer in was["responses"].items():
            if status not in now["responses"]:
                yield f"{where}: {status}: removed"
            else:
                yield from self._answer(f"{where}: {status}", answer, now["responses"][status])

    def _parameters_of(self, document: dict[str, Any], parameters: Iterable[Any]) -> Parameters:
        resolved = [resolve(document, parameter) for parameter in parameters]
        return {(parameter["in"], parameter["name"]): parameter for parameter in resolved}

    def _parameters(self, where: str, was: Parameters, now: Parameters) -> Iterator[str]:
        for (place, name), parameter in was.items():
            here = f"{where}: {place} parameter {name}"
            other = now.get((place, name))
            if other is None:
                yield f"{here}: removed"
                continue
            if other.get("required") and not parameter.get("required"):
                yield f"{here}: now required"
            for way in ("style", "explode"):
                if parameter.get(way) != other.get(way):
                    yield f"{here}: {way} {parameter.get(way)} -> {other.get(way)}"
            yield from self.schemas.changes(here, parameter.get("schema", {}), other.get("schema", {}), sent=True)
        for (place, name), parameter in now.items():
            if (place, name) not in was and parameter.get("required"):
                yield f"{where}: {place} parameter {name}: new and required"

    def _body(self, where: str, was: Any, now: Any) -> Iterator[str]:
        was, now = resolve(self.old, was or {}), resolve(self.new, now or {})
        if was and not now:
            yield f"{where}: body: removed"
            return
        if now.get("required") and not was.get("required"):
            yield f"{where}: body: now required"
        for media, old in was.get("content", {}).items():
            if media not in now["content"]:
                yield f"{where}: body {media}: removed"
            else:
                new = now["content"][media]
                yield from self.schemas.changes(
                    f"{where}: body {media}", old.get("schema", {}), new.get("schema", {}), sent=True
                )

    def _answer(self, where: str, was: Any, now: Any) -> Iterator[str]:
        was, now = resolve(self.old, was), resolve(self.new, now)
        for name, header in was.get("headers", {}).items():
            other = now.get("headers", {}).get(name)
            if other is None:
                yield f"{where}: header {name}: removed"
            else:
                schemas = (
                    resolve(self.old, header).get("schema", {}),
                    resolve(self.new, other).get("schema", {}),
                )
                yield from self.schemas.changes(f"{where}: header {name}", *schemas, sent=False)
        for media, old in was.get("content", {}).items():
            if media not in now.get("content", {}):
                yield f"{where}: {media}: removed"
            else:
                new = now["content"][media]
                yield from self.schemas.changes(
                    f"{where}: {media}", old.get("schema", {}), new.get("schema", {}), sent=False
                )
