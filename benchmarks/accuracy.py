"""Score every test review through HTTP and compare the accuracy with the one in the bundle's report.

Starts the service as a user would, sends it all 25,000 test reviews, and exits with 1 when the accuracies differ.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from app.inference.bundle import find_bundle
from benchmarks.processes import running
from training.archive import Review, read_reviews

CONCURRENCY = 8
REVIEWS_PER_REQUEST = 32


async def score(url: str, reviews: list[Review], progress: Progress) -> list[dict[str, Any]]:
    """Send the reviews in requests of 32, 8 at a time.

    Returns:
        One prediction per review, in order.
    """
    starts = range(0, len(reviews), REVIEWS_PER_REQUEST)
    task = progress.add_task("scoring over HTTP", total=len(reviews))
    slots = asyncio.Semaphore(CONCURRENCY)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def send(start: int) -> list[dict[str, Any]]:
            texts = [review.text for review in reviews[start : start + REVIEWS_PER_REQUEST]]
            async with slots:
                response = await client.post("/predict", json={"reviews": texts})
            response.raise_for_status()
            progress.advance(task, len(texts))
            predictions: list[dict[str, Any]] = response.json()["predictions"]
            return predictions

        answers = await asyncio.gather(*(send(start) for start in starts))
    return [prediction for answer in answers for prediction in answer]


@contextlib.contextmanager
def _service() -> Iterator[str]:
    """Run `python -m app` as the environment's settings say."""
    command = [sys.executable, "-m", "app"]
    with running(command, {"SENTIMENT_LOG_LEVEL": "warning"}, "/health/ready", "SENTIMENT_PORT") as server:
        yield server.url


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--url", help="a running service; default: start one")
    chosen = options.parse_args()
    with Progress() as progress:
        reviews = [review for review in read_reviews(chosen.dataset, progress) if review.split == "test"]
        with contextlib.nullcontext(chosen.url) if chosen.url else _service() as url:
            model = httpx.get(f"{url}/model").json()
            started = time.perf_counter()
            predictions = asyncio.run(score(url, reviews, progress))
            seconds = time.perf_counter() - started
    right = sum(
        prediction["sentiment"] == {"pos": "positive", "neg": "negative"}[review.sentiment]
        for prediction, review in zip(predictions, reviews, strict=True)
    )
    report = find_bundle(Path("models") / model["name"], model["version"]) / "report/evaluation.json"
    expected = json.loads(report.read_text())["test"]["accuracy"]
    accuracy = right / len(reviews)
    print(f"accuracy over HTTP: {accuracy:.5f} ({len(reviews):,} reviews in {seconds:.1f} s)")
    print(f"accuracy in {report}: {expected:.5f}")
    return 0 if accuracy == expected else 1


if __name__ == "__main__":
    sys.exit(main())
