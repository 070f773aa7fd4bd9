"""The bundle and the classifier behind a command."""

from importlib.util import find_spec

from app.inference.bundle import Bundle, find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.settings import Settings


def open_model(settings: Settings) -> tuple[Bundle, Classifier]:
    """Load the bundle; if no runtime is chosen, use LiteRT if it is installed, as it starts fastest.

    Raises:
        SentimentError: The bundle is missing or damaged, or the runtime is not installed.
    """
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    chosen = "runtime" in settings.model_fields_set or not find_spec("ai_edge_litert")
    return bundle, open_classifier(bundle, settings.runtime if chosen else "litert")
