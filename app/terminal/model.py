"""The bundles and the classifiers behind a command."""

from app.inference.bundle import Bundle, load_bundles
from app.inference.classifier import Classifier, open_classifier
from app.settings import Settings


def open_models(settings: Settings) -> list[tuple[Bundle, Classifier]]:
    """Load the versions that the settings name, the default first.

    Raises:
        SentimentError: A bundle is missing or damaged, or the runtime is not installed.
    """
    bundles = load_bundles(settings.model_dir, settings.model_version)
    return [(bundle, open_classifier(bundle, settings.command_runtime)) for bundle in bundles]
