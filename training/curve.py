"""`python -m training curve`: how good a recipe is with fewer reviews, so what more of them may bring.

Everything happens among the training reviews: a fifth of them is set aside to measure on, and each size is a part of
the rest, with a vocabulary, a validation split and a network of its own. The test reviews stay unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.progress import Progress

from training.dataset import Dataset, hold_out, shared_words, shuffled
from training.errors import SourceError
from training.evaluation import measure
from training.network import fix_seed
from training.procedure import follow
from training.recipe import Recipe, adapted

MEASURED_SHARE = 0.2
SMALLEST = 50
"""Reviews; with fewer, the default sizes say more about chance than about learning."""


@dataclass(frozen=True)
class Point:
    """What came of one size.

    Attributes:
        size: Training reviews, those for validation included.
        accuracies: One a seed.
        losses: One a seed.
    """

    size: int
    accuracies: list[float]
    losses: list[float]

    def row(self) -> tuple[str, str, str]:
        """Size, accuracy and loss in writing: means and standard deviations over the seeds."""
        figures = (f"{np.mean(values):.3f} ± {np.std(values):.3f}" for values in (self.accuracies, self.losses))
        return (f"{self.size:,}", *figures)  # type: ignore[return-value]  # there are two figures


def learning_curve(
    dataset: Dataset, recipe: Recipe, sizes: Sequence[int] | None, seeds: Sequence[int], progress: Progress
) -> tuple[list[Point], int]:
    """Train on parts of the training reviews.

    Args:
        dataset: The reviews; unlabelled ones are not used, nor the test ones.
        recipe: Made for 25,000 training reviews; each size gets its adaptation.
        sizes: Training reviews; all that are left after some are set aside, half of them, a quarter, … when None.
        seeds: Each size is tried once with each, and each seed sets other reviews aside.
        progress: Shows how far it is.

    Returns:
        A point a size, the smallest first, and how many reviews each was measured on.

    Raises:
        SourceError: A size is larger than what is there.
    """
    measured_on = round(MEASURED_SHARE * len(dataset.train))
    most = len(dataset.train) - measured_on
    chosen = sorted(set(sizes or [most >> i for i in range(5) if most >> i >= SMALLEST] or [most]))
    if chosen[-1] > most:
        raise SourceError(
            f"{chosen[-1]:,} reviews cannot be tried: after setting {measured_on:,} aside, {most:,} are left"
        )
    points = [Point(size, [], []) for size in chosen]
    task = progress.add_task("learning curve", total=len(points) * len(seeds))
    for seed in seeds:
        rest, aside = hold_out(shuffled(dataset.train, seed), measured_on)
        for point in points:
            part = rest.take(np.arange(point.size))
            words = shared_words(part, recipe.encoding)
            some = replace(dataset, train=part, vocabulary=words, unlabelled=())
            fix_seed(seed)
            learnt = follow(some, part, replace(adapted(recipe, point.size), seed=seed), progress, smooth=True).learnt
            measured = measure(learnt.judge(learnt.encode(aside.sequences)), aside.labels)
            point.accuracies.append(measured["accuracy"])
            point.losses.append(measured["loss"])
            progress.advance(task)
    return points, measured_on
