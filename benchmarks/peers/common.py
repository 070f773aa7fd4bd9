"""What all peers share: the classifier they put behind their servers, and the JSON they answer with.

Everything that is not the server is the product's own: the bundle, the tokeniser, TensorFlow and how it is called.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from app.inference.bundle import find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier

MODELS = Path("models/imdb")
"""The folder of bundles, seen from the repository root, where every peer is started."""

HOST = "127.0.0.1"


class PredictionJson(TypedDict):
    """One prediction as it is answered; the attributes of `app.inference.classifier.Prediction`."""

    positive_probability: float
    sentiment: str
    words: int
    known_words: int


class RequestJson(TypedDict):
    """The body of a request."""

    reviews: list[str]


class ResponseJson(TypedDict):
    """The body of a response; predictions in the order of the request's reviews."""

    predictions: list[PredictionJson]


def port() -> int:
    """The port to listen on, from the environment variable PORT."""
    return int(os.environ["PORT"])


def open_newest_classifier() -> Classifier:
    """Load the newest bundle with TensorFlow, warmed for every batch size."""
    return open_classifier(load_bundle(find_bundle(MODELS, None)), "tensorflow")


def answer(classifier: Classifier, requests: Sequence[RequestJson]) -> list[ResponseJson]:
    """Score a dynamic batch: the reviews of all its requests at once.

    Args:
        classifier: Called with one flat list, however many requests there are.
        requests: Parsed bodies, one batch.

    Returns:
        One response per request, in the same order.
    """
    predictions = iter(classifier.predict([review for request in requests for review in request["reviews"]]))
    return [
        {
            "predictions": [
                {
                    "positive_probability": prediction.positive_probability,
                    "sentiment": prediction.sentiment,
                    "words": prediction.words,
                    "known_words": prediction.known_words,
                }
                for _, prediction in zip(request["reviews"], predictions, strict=False)
            ]
        }
        for request in requests
    ]
