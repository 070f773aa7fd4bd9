"""The bundles and the classifiers behind a command."""

from importlib.util import find_spec

from app.inference.bundle import Bundle, find_bundles, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.settings import Settings


def open_models(settings: Settings) -> list[tuple[Bundle, Classifier]]:
    """Load the versions that the settings name, the default first.

    If no runtime is chosen, use LiteRT if it is installed, as it starts fastest.

    Raises:
        SentimentError: A bundle is missing or damaged, or the runtime is not installed.
    """
    chosen = "runtime" in settings.model_fields_set or not find_spec("ai_edge_litert")
    runtime = settings.runtime if chosen else "litert"
    bundles = [load_bundle(folder) for folder in find_bundles(settings.model_dir, settings.model_version)]
    return [(bundle, open_classifier(bundle, runtime)) for bundle in bundles]
