"""Score all test reviews over HTTP and compare the accuracy with the one in the bundle's report.

Starts the service with the settings of the environment; exits with 1 if the accuracies differ.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from rich.progress import Progress

from app.bundles.reading import find_bundle
from benchmarks.contenders import Contender
from training.archive import read_reviews

SERVICE = Contender("service", "", ("-m", "app", "serve"), {"SENTIMENT_LOG_LEVEL": "warning"}, "SENTIMENT_PORT")
REQUESTS_IN_FLIGHT = 8
REVIEWS_PER_REQUEST = 32


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    dataset = options.parse_args().dataset
    with Progress() as progress, SERVICE.run() as server, httpx.Client(base_url=server.url, timeout=60) as client:
        reviews = [review for review in read_reviews(dataset, progress) if review.split == "test"]
        task = progress.add_task("scoring over HTTP", total=len(reviews))

        def correct(start: int) -> int:
            batch = reviews[start : start + REVIEWS_PER_REQUEST]
            response = client.post("/predict", json={"reviews": [review.text for review in batch]}).raise_for_status()
            progress.advance(task, len(batch))
            pairs = zip(response.json()["predictions"], batch, strict=True)
            return sum(prediction["sentiment"].startswith(review.sentiment) for prediction, review in pairs)

        with ThreadPoolExecutor(REQUESTS_IN_FLIGHT) as pool:
            accuracy = sum(pool.map(correct, range(0, len(reviews), REVIEWS_PER_REQUEST))) / len(reviews)
        model = client.get("/model").json()
    report = find_bundle(Path("models") / model["name"], model["version"]) / "report/evaluation.json"
    expected = json.loads(report.read_text())["test"]["accuracy"]
    print(f"accuracy over HTTP: {accuracy:.5f} ({len(reviews):,} reviews)")
    print(f"accuracy in {report}: {expected:.5f}")
    return 0 if accuracy == expected else 1


if __name__ == "__main__":
    sys.exit(main())
