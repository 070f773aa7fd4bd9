"""The bundles that the repository ships."""

from app.inference.bundle import bundle_versions
from tests.servers import ROOT

MODELS = ROOT / "models/imdb"
VERSIONS = [str(version) for version in bundle_versions(MODELS)]
NEWEST = VERSIONS[-1]
"""The version that is served by default."""
