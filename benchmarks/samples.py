"""Real test reviews to send."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from training.archive import read_reviews

REVIEWS = 2000
"""Drawn with a fixed seed."""


def sample_reviews(dataset: Sequence[Path], progress: Progress | None = None) -> list[str]:
    """Draw test reviews from archives or folders."""
    if progress is None:
        with Progress(console=Console(stderr=True), transient=True) as own:
            return sample_reviews(dataset, own)
    test = [review.text for review in read_reviews(dataset, progress) if review.split == "test"]
    return random.Random(0).sample(test, REVIEWS)


def write_bodies(path: Path, body: Callable[[Sequence[str]], str], reviews: Sequence[str], size: int) -> None:
    """Write request bodies, one per line.

    Args:
        path: The file.
        body: Builds a request body from reviews.
        reviews: Used in order; a rest that does not fill a request is left out.
        size: Reviews per request.
    """
    starts = range(0, len(reviews) - size + 1, size)
    path.write_text("".join(f"{body(reviews[start : start + size])}\n" for start in starts))
