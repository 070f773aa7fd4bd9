"""What the peers share: the classifier behind their servers, and their responses.

The bundle, the tokeniser, TensorFlow and the calls to it are the service's own; only the server differs.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.bundles.opening import open_classifier
from app.bundles.reading import find_bundle, load_bundle
from app.model.classifier import Classifier

HOST = "127.0.0.1"
PORT = int(os.environ["PORT"])


def open_newest_classifier() -> Classifier:
    """Load the newest bundle with TensorFlow."""
    return open_classifier(load_bundle(find_bundle(Path("models/imdb"), None)), "tensorflow")


def respond(classifier: Classifier, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Score the reviews of all requests in a batch at once; returns one response per request, in the same order."""
    predictions = iter(classifier.predict([review for request in requests for review in request["reviews"]]))
    return [
        {
            "predictions": [
                {
                    "positive_probability": prediction.positive_probability,
                    "sentiment": prediction.sentiment,
                    "uncertain": prediction.uncertain,
                    "words": prediction.words,
                    "known_words": prediction.known_words,
                }
                for _, prediction in zip(request["reviews"], predictions, strict=False)
            ]
        }
        for request in requests
    ]
