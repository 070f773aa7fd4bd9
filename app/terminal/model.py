"""The bundle, the runtime and the classifier behind a command."""

from typing import NamedTuple

from app.inference.bundle import Bundle, find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.errors import RuntimeUnavailable
from app.inference.runtimes import LITERT_FILE
from app.settings import Settings


class Model(NamedTuple):
    """A loaded model; `runtime` is the name of what runs it."""

    bundle: Bundle
    runtime: str
    classifier: Classifier


def open_model(settings: Settings) -> Model:
    """Load a model. LiteRT runs it if no runtime is chosen and LiteRT is installed, as it starts fastest.

    Raises:
        SentimentError: The bundle is missing or damaged, or the runtime is not installed.
    """
    bundle = load_bundle(find_bundle(settings.model_dir, settings.model_version))
    if "runtime" not in settings.model_fields_set and LITERT_FILE in bundle.manifest.files:
        try:
            return Model(bundle, "litert", open_classifier(bundle, "litert"))
        except RuntimeUnavailable:
            pass  # use the default
    return Model(bundle, settings.runtime, open_classifier(bundle, settings.runtime))
