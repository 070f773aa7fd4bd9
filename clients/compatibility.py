"""Whether an OpenAPI document breaks callers of an older one, and whether its version number permits that.

Callers may send what they sent before, and receive nothing that they do not know, except new fields, statuses and
operations. Names in generated code stay: operation ids, tags and schemas. `clients.schemas` compares schemas.

Written here because no maintained package on PyPI or npm does this for OpenAPI 3.1: oasdiff and openapi-changes are
programs in Go, and openapi-diff stops at OpenAPI 3.0.
"""

from typing import Any

from clients.schemas import Schema, SchemaComparison, constraints, resolve


def permitted(old_version: str, new_version: str) -> bool:
    """Whether a change of version permits breaking changes: a new major or, while it is 0, a new minor version."""
    old, new = (tuple(map(int, version.split(".")[:2])) for version in (old_version, new_version))
    return new > old if old[0] == 0 else new[0] > old[0]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Describe what would break callers of `old`; both are whole documents of OpenAPI 3.1."""
    comparison = _DocumentComparison(old, new)
    comparison.run()
    return comparison.found


class _DocumentComparison(SchemaComparison):
    def run(self) -> None:
        # Generated clients use the first server by default.
        servers = [(document.get("servers") or [{"url": "/"}])[0]["url"] for document in (self.old, self.new)]
        self.same("the first server:", *servers)
        for where, was, now in self.pairs("", _operations(self.old), _operations(self.new)):
            self._operation(where, was, now)
        components = self.old.get("components", {}), self.new.get("components", {})
        old, new = (one.get("schemas", {}) for one in components)
        self.pairs("schema ", old, new, gone="removed or renamed; generated classes have its name")
        old, new = (one.get("securitySchemes", {}) for one in components)
        for where, was, now in self.pairs("security scheme ", old, new):
            if constraints(was) != constraints(now):
                self.found.append(f"{where}: changed")

    def _operation(self, where: str, old: Schema, new: Schema) -> None:
        for name in ("operationId", "tags"):
            self.same(f"{where}: {name}", old.get(name), new.get(name))
        security = new.get("security", self.new.get("security", []))
        for alternative in old.get("security", self.old.get("security", [])) or [{}]:
            if security and not any(set(wanted) <= set(alternative) for wanted in security):
                self.found.append(f"{where}: security: {sorted(alternative) or 'nothing'} no longer suffices")
        self._parameters(where, _parameters(self.old, old), _parameters(self.new, new))
        bodies = resolve(self.old, old.get("requestBody", {})), resolve(self.new, new.get("requestBody", {}))
        if bodies[0] and not bodies[1]:
            self.found.append(f"{where}: body: removed")
        else:
            self._required(f"{where}: body", *bodies)
            self._content(f"{where}: body ", *bodies, sent=True)
        for place, was, now in self.pairs(f"{where}: ", old["responses"], new["responses"]):
            self._response(place, resolve(self.old, was), resolve(self.new, now))

    def _parameters(self, where: str, old: Schema, new: Schema) -> None:
        for place, was, now in self.pairs(f"{where}: ", old, new):
            self._required(place, was, now)
            for name in ("style", "explode"):
                self.same(f"{place}: {name}", was.get(name), now.get(name))
            self.compare(place, was.get("schema", {}), now.get("schema", {}), sent=True)
        for name, parameter in new.items():
            if name not in old and parameter.get("required"):
                self.found.append(f"{where}: {name}: new and required")

    def _response(self, where: str, old: Schema, new: Schema) -> None:
        headers = old.get("headers", {}), new.get("headers", {})
        for place, was, now in self.pairs(f"{where}: header ", *headers):
            schemas = resolve(self.old, was).get("schema", {}), resolve(self.new, now).get("schema", {})
            self.compare(place, *schemas, sent=False)
        self._content(f"{where}: ", old, new, sent=False)

    def _content(self, where: str, old: Schema, new: Schema, sent: bool) -> None:
        contents = old.get("content", {}), new.get("content", {})
        for place, was, now in self.pairs(where, *contents):
            self.compare(place, was.get("schema", {}), now.get("schema", {}), sent)

    def _required(self, where: str, old: Schema, new: Schema) -> None:
        if new.get("required") and not old.get("required"):
            self.found.append(f"{where}: now required")


def _operations(document: Schema) -> Schema:
    paths = document["paths"].items()
    return {f"{method.upper()} {path}": operation for path, item in paths for method, operation in item.items()}


def _parameters(document: Schema, operation: Schema) -> dict[str, Any]:
    resolved = [resolve(document, parameter) for parameter in operation.get("parameters", [])]
    return {f"{parameter['in']} parameter {parameter['name']}": parameter for parameter in resolved}
