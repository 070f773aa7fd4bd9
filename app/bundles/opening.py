"""From a verified bundle to a classifier, which first has to replay the golden reviews."""

from ..model.classifier import Classifier
from ..model.errors import BundleError, InferenceError, damaged
from ..model.runtimes import Runtime, TensorFlowRuntime
from .manifest import GOLDEN, NETWORK
from .reading import Bundle

GOLDEN_TOLERANCE, CALIBRATED_TOLERANCE = 1e-5, 1e-4
"""Maximum difference between a golden review's probability and the recorded one. Processors, runtimes and library
versions differ in the last bits (1e-6); a wrong word index or tokeniser differs by far more. A calibration magnifies
the last bits of a probability near 1, which TensorFlow returns as a float32."""


def open_classifier(bundle: Bundle, runtime: str) -> Classifier:
    """Load a verified bundle's network and replay its golden reviews.

    Args:
        bundle: A bundle from `load_bundle`.
        runtime: One of `runtimes.RUNTIMES`.

    Raises:
        BundleError: The network cannot be loaded, does not match the vocabulary, or fails a golden review.
        PackageMissing: The runtime's package is not installed.
    """
    running: Runtime
    if runtime == "tensorflow":
        running = TensorFlowRuntime(bundle.folder)
        network = bundle.network or running.network()
    elif bundle.network:
        running = network = bundle.network
    else:
        raise BundleError(
            f"{bundle.folder}: this bundle of an older version has no {NETWORK}, which the runtime `numpy` reads. Add "
            f"it with `python -m training convert {bundle.folder} NEW_FOLDER`, or use the runtime `tensorflow`"
        )
    manifest = bundle.manifest
    try:
        classifier = Classifier(bundle.vocabulary, running, network, manifest.uncertainty, manifest.calibration)
        reviews = [golden.review for golden in bundle.golden]
        predicted = [prediction.positive_probability for prediction in classifier.predict(reviews)]
        explained = [classifier.effects(bundle.vocabulary.encode(review), top=0).probability for review in reviews]
    except (ValueError, InferenceError) as error:
        raise damaged(bundle.folder, str(error)) from error
    tolerance = GOLDEN_TOLERANCE if manifest.calibration is None else CALIBRATED_TOLERANCE
    for golden, probability in zip(bundle.golden * 2, predicted + explained, strict=True):
        if abs(golden.positive_probability - probability) > tolerance:
            raise damaged(
                bundle.folder / GOLDEN,
                f"the review {golden.review[:40]!r} should score {golden.positive_probability:.6f} but scores "
                f"{probability:.6f}: text is vectorised differently than in training",
            )
    return classifier
