"""docs/explanation/architecture.md: the path of one request names functions that exist."""

import ast
import re
from pathlib import Path

from tests.servers import ROOT

PAGE = ROOT / "docs/explanation/architecture.md"
LINK = re.compile(r"\[`([\w.]+)`\]\((\.\./\.\./app/[\w/]+\.py)\)")


def names_in(path: Path) -> set[str]:
    """Names of the functions, classes and methods that a module defines."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{getattr(part, 'name', '')}" for part in node.body}
    return names


def test_path_of_one_request_names_what_exists() -> None:
    links = LINK.findall(PAGE.read_text().partition("## The path of one request")[2])
    assert len(links) >= 20
    for name, target in links:
        assert name in names_in((PAGE.parent / target).resolve()), f"{name} is not in {target}"
