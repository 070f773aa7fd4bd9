"""The bundles that the repository ships, and how to damage copies of bundles."""

import json
from pathlib import Path

from app.bundles.manifest import MANIFEST
from app.bundles.reading import bundle_versions
from app.bundles.writing import write_checksum, write_manifest
from tests.servers import ROOT

MODELS = ROOT / "models/imdb"
VERSIONS = [str(version) for version in bundle_versions(MODELS)]
NEWEST = VERSIONS[-1]
"""The version that is served by default."""


def resealed(folder: Path, manifest: bytes | None = None) -> None:
    """Update a changed bundle's digests, so that only its content is wrong.

    Args:
        folder: The bundle.
        manifest: The new manifest, written as it is; if None, the old one with new digests.
    """
    if manifest is None:
        facts = json.loads((folder / MANIFEST).read_text())
        del facts["files"]
        write_manifest(folder, **facts)
    else:
        (folder / MANIFEST).write_bytes(manifest)
        write_checksum(folder)


def break_golden_review(folder: Path) -> None:
    """Change a golden review with its digests, so that only a classifier notices."""
    golden = json.loads((folder / "golden.json").read_text())
    golden[0]["positive_probability"] = 0.123
    (folder / "golden.json").write_text(json.dumps(golden))
    resealed(folder)
