"""What callers of the published API may rely on."""

import json

from tests.servers import ROOT


def test_document_differs_from_the_published_one_only_with_a_new_minor_version() -> None:
    published, current = (
        json.loads((ROOT / path).read_text()) for path in ("clients/published/openapi.json", "openapi.json")
    )
    old, new = (tuple(map(int, document["info"].pop("version").split("."))) for document in (published, current))
    assert current == published or new[:2] > old[:2], (
        "openapi.json differs from clients/published/openapi.json: raise the minor version (clients/README.md)"
    )
