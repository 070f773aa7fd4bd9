"""`python -m tests.reference`: write the tables of fields in docs/reference/api.md, from openapi.json."""

import json
import re
from typing import Any

from tests.servers import ROOT

PAGE = ROOT / "docs/reference/api.md"
TABLE = re.compile(r"(<!-- fields: (\w+)(?: beyond (\w+))? -->\n).*?(<!-- end -->)", re.DOTALL)
"""Where the fields of a schema go; with `beyond`, only those that another schema does not have."""
HEAD = "| field | type | meaning |\n| --- | --- | --- |\n"


def generated() -> str:
    """Return the page with up-to-date tables."""
    schemas: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text())["components"]["schemas"]

    def table(match: re.Match[str]) -> str:
        fields, others = (schemas.get(name or "", {}).get("properties", {}) for name in match.group(2, 3))
        rows = (
            f"| `{name}` | {type_of(field)} | {description_of(field, schemas)} |\n"
            for name, field in fields.items()
            if name not in others
        )
        return match[1] + HEAD + "".join(rows) + match[4]

    return TABLE.sub(table, PAGE.read_text())


def type_of(field: dict[str, Any]) -> str:
    """Describe a field's type; types of our own are links to their section."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(map(type_of, field["anyOf"]))
    if "enum" in field:
        return " or ".join(f'`"{value}"`' for value in field["enum"])
    if field["type"] == "array":
        return f"list of {type_of(field['items'])}"
    bounds = f", {field['minimum']:g} to {field['maximum']:g}" if {"minimum", "maximum"} <= field.keys() else ""
    return f"{field['type']}{bounds}"


def description_of(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Return a field's description, or else that of its type."""
    name = field.get("$ref", "").rpartition("/")[2]
    return str(field.get("description") or schemas[name]["description"])


if __name__ == "__main__":
    PAGE.write_text(generated())
