"""What each stage costs per review, one at a time and in batches; prints JSON.

`make bench` runs it in the environment of the runtime that it measures.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.api.schemas import PredictRequest
from app.api.serialization import predictions_json
from app.inference.bundle import find_bundle, load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.runtimes import RUNTIMES

REPEATS = 9


def seconds_per_review(work: Callable[[list[str]], object], reviews: Sequence[str], size: int) -> float:
    """Pass over all reviews in batches of `size`, several times; returns the median pass divided by their number."""
    batches = [list(reviews[start : start + size]) for start in range(0, len(reviews), size)]
    passes = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for batch in batches:
            work(batch)
        passes.append((time.perf_counter() - started) / len(reviews))
    return statistics.median(passes)


def stages(classifier: Classifier, reviews: Sequence[str], size: int) -> dict[str, float]:
    """Seconds per review in each stage, in batches of `size`; every review has its own request body and response."""
    vocabulary = classifier.vocabulary
    bodies = {review: json.dumps({"reviews": [review]}).encode() for review in reviews}
    tokens = {review: vocabulary.tokenise(review) for review in reviews}
    rows = {review: vocabulary.encode_tokens(tokens[review]) for review in reviews}
    predictions = {review: classifier.predict([review]) for review in reviews}
    work: dict[str, Callable[[list[str]], object]] = {
        "parse": lambda batch: [PredictRequest.model_validate_json(bodies[review]) for review in batch],
        "tokenise": lambda batch: [vocabulary.tokenise(review) for review in batch],
        "find terms": lambda batch: vocabulary.encode_batch([tokens[review] for review in batch]),
        "network": lambda batch: classifier.predict_rows([rows[review] for review in batch]),
        "serialise": lambda batch: [predictions_json("imdb", "0", predictions[review]) for review in batch],
    }
    return {stage: seconds_per_review(one, reviews, size) for stage, one in work.items()}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    options.add_argument("--runtime", choices=RUNTIMES, required=True)
    options.add_argument("--reviews", type=Path, required=True, help="a JSON list of texts")
    chosen = options.parse_args()
    reviews: list[str] = json.loads(chosen.reviews.read_text())
    classifier = open_classifier(load_bundle(find_bundle(Path("models/imdb"), None)), chosen.runtime)
    print(json.dumps({"alone": stages(classifier, reviews, 1), "in batches of 16": stages(classifier, reviews, 16)}))


if __name__ == "__main__":
    main()
