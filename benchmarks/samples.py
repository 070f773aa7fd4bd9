"""Real test reviews to send."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.progress import Progress

from training.archive import read_reviews

REVIEWS = 2000


def sample_reviews(dataset: Sequence[Path], progress: Progress) -> list[str]:
    """Draw test reviews from archives or folders, always the same ones."""
    test = [review.text for review in read_reviews(dataset, progress) if review.split == "test"]
    return random.Random(0).sample(test, REVIEWS)


def write_bodies(path: Path, body: Callable[[Sequence[str]], str], reviews: Sequence[str], size: int) -> Path:
    """Write request bodies of `size` reviews each, one body per line; reviews that do not fill a request are left out.

    Returns:
        The path.
    """
    starts = range(0, len(reviews) - size + 1, size)
    path.write_text("".join(f"{body(reviews[start : start + size])}\n" for start in starts))
    return path
