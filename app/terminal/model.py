"""The bundle and the runtime that a command asks."""

from app.inference.bundle import Bundle, find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.errors import RuntimeUnavailable
from app.inference.runtimes import LITERT_FILE
from app.settings import Settings

QUICK = "litert"
"""Loads a hundred times faster than TensorFlow, and answers the same to 1e-5."""


def open_model(settings: Settings) -> tuple[Bundle, str, Classifier]:
    """Load the bundle that the settings name.

    Where nobody chose a runtime, neither by option nor by variable, it is LiteRT if it is installed: a command is over
    before TensorFlow would have started.

    Returns:
        The bundle, the runtime's name, and the classifier made of both.

    Raises:
        SentimentError: The bundle cannot be used, or the runtime is not installed.
    """
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    if "runtime" not in settings.model_fields_set and LITERT_FILE in bundle.manifest.files:
        try:
            return bundle, QUICK, open_classifier(bundle, QUICK)
        except RuntimeUnavailable:
            pass  # then what the service would take
    return bundle, settings.runtime, open_classifier(bundle, settings.runtime)
