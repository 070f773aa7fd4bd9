"""The cost of each stage per review, one at a time and in batches; prints JSON.

`make bench` runs `python -m benchmarks.stages RUNTIME REVIEWS` in the environment of the runtime; REVIEWS is a JSON
file with a list of texts.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.api.schemas import PredictRequest
from app.bundles.opening import open_classifier
from app.bundles.reading import find_bundle, load_bundle
from app.model.classifier import Classifier
from app.model.serialization import predictions_json

REPEATS = 9


def stages(classifier: Classifier, reviews: Sequence[str], size: int) -> dict[str, float]:
    """Seconds per review in each stage, in batches of `size`; every review has its own request body and response."""
    vocabulary = classifier.vocabulary
    bodies = {review: json.dumps({"reviews": [review]}).encode() for review in reviews}
    cleaned = {review: vocabulary.clean(review) for review in reviews}
    rows = {review: vocabulary.encode(review) for review in reviews}
    predictions = {review: classifier.predict([review]) for review in reviews}
    work: dict[str, Callable[[list[str]], object]] = {
        "parse": lambda batch: [PredictRequest.model_validate_json(bodies[review]) for review in batch],
        "tokenise": lambda batch: [vocabulary.clean(review) for review in batch],
        "find terms": lambda batch: vocabulary.find([cleaned[review] for review in batch]),
        "network": lambda batch: classifier.runtime([rows[review] for review in batch]),
        "serialise": lambda batch: [predictions_json("imdb", "0", predictions[review]) for review in batch],
    }
    batches = [list(reviews[start : start + size]) for start in range(0, len(reviews), size)]
    return {stage: _seconds(one, batches) / len(reviews) for stage, one in work.items()}


def _seconds(work: Callable[[list[str]], object], batches: list[list[str]]) -> float:
    """Median seconds of a pass over all batches."""
    passes = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for batch in batches:
            work(batch)
        passes.append(time.perf_counter() - started)
    return statistics.median(passes)


def main() -> None:
    """Measure and print."""
    runtime, reviews = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    classifier = open_classifier(load_bundle(find_bundle(Path("models/imdb"), None)), runtime)
    print(json.dumps({"alone": stages(classifier, reviews, 1), "in batches of 16": stages(classifier, reviews, 16)}))


if __name__ == "__main__":
    main()
