"""Real test reviews to send."""

import random
from collections.abc import Sequence
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
