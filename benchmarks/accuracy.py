"""Score every test review through HTTP and compare the accuracy with the one in the bundle's report.

Starts the service as a user would, sends it all 25,000 test reviews, and exits with 1 when the accuracies differ.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from rich.progress import Progress

from app.inference.bundle import find_bundle
from training.archive import Review, read_reviews

CONCURRENCY = 8
REVIEWS_A_REQUEST = 32


async def score(url: str, reviews: list[Review], progress: Progress) -> list[dict[str, Any]]:
    """Send the reviews in requests of 32, 8 at a time.

    Returns:
        One prediction a review, in order.
    """
    starts = range(0, len(reviews), REVIEWS_A_REQUEST)
    task = progress.add_task("scoring over HTTP", total=len(reviews))
    slots = asyncio.Semaphore(CONCURRENCY)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def send(start: int) -> list[dict[str, Any]]:
            texts = [review.text for review in reviews[start : start + REVIEWS_A_REQUEST]]
            async with slots:
                response = await client.post("/predict", json={"reviews": texts})
            response.raise_for_status()
            progress.advance(task, len(texts))
            predictions: list[dict[str, Any]] = response.json()["predictions"]
            return predictions

        answers = await asyncio.gather(*(send(start) for start in starts))
    return [prediction for answer in answers for prediction in answer]


def start_service() -> tuple[subprocess.Popen[bytes], str]:
    """Start `python -m app` on a free port and wait until it is ready.

    Returns:
        The process and its URL.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        env=os.environ | {"SENTIMENT_PORT": str(port), "SENTIMENT_LOG_LEVEL": "warning"},
    )
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready").status_code == 200:
                return process, url
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.1)
    raise SystemExit("the service did not start; its message is above")


def main() -> int:
    """Run; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--url", help="a running service; default: start one")
    chosen = options.parse_args()
    with Progress() as progress:
        reviews = [review for review in read_reviews(chosen.dataset, progress) if review.split == "test"]
        process, url = (None, chosen.url) if chosen.url else start_service()
        try:
            model = httpx.get(f"{url}/model").json()
            started = time.perf_counter()
            predictions = asyncio.run(score(url, reviews, progress))
            seconds = time.perf_counter() - started
        finally:
            if process is not None:
                process.terminate()
                process.wait()
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
