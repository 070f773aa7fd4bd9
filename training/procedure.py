"""The way from training reviews to a network, the book's order: how long first, then from scratch on all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from app.inference.vocabulary import Row, Vocabulary
from training.calibration import apply_scaling, fit_scaling, smoothed
from training.dataset import Dataset, Split, hold_out
from training.lesson import Lesson, prepare
from training.network import Batches, History, Network, build, fit, predict
from training.recipe import Recipe

EVALUATION_BATCH = 512
"""Reviews a batch outside training, where the size changes no result."""


@dataclass(frozen=True)
class Learnt:
    """A trained network and the vocabulary that it reads with."""

    vocabulary: Vocabulary
    network: Network

    def encode(self, sequences: Sequence[list[str]]) -> list[Row]:
        """Encode reviews that are tokens already."""
        return [self.vocabulary.encode_tokens(tokens) for tokens in sequences]

    def judge(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Estimate probabilities; float32 (reviews,)."""
        labels = np.zeros(len(rows), np.float32)  # batches carry some; nobody looks at them
        return predict(self.network, Batches(self.vocabulary, rows, labels, EVALUATION_BATCH))

    def score(self, texts: Sequence[str]) -> list[float]:
        """Estimate the probabilities of raw texts, in order."""
        scores: list[float] = self.judge([self.vocabulary.encode(text) for text in texts]).tolist()
        return scores


@dataclass(frozen=True)
class Outcome:
    """What following a recipe came to.

    Attributes:
        learnt: The network to keep.
        epochs: How long it was trained.
        history: Of the first network, with validation.
        validation: How many reviews were set aside for that.
    """

    learnt: Learnt
    epochs: int
    history: History
    validation: int


def follow(dataset: Dataset, training: Split, recipe: Recipe, progress: Progress, *, smooth: bool) -> Outcome:
    """Find out with some reviews set aside how long to train, then train a new network on all of them.

    Args:
        dataset: Where the unlabelled reviews come from, and by the book the vocabulary too.
        training: The reviews whose labels may be seen, in random order.
        recipe: How to train.
        progress: Shows how far each step is.
        smooth: Whether calibration takes labels for a little less certain than they are. A few reviews may all be told
            apart, and then no scaling would be sharp enough.

    Raises:
        SourceError: There are too few reviews for the recipe's validation split.
    """
    # A first network, only to see where over-fitting begins and how far its probabilities can be trusted.
    partial, validation = hold_out(training, recipe.validation)
    lesson = take_lesson(dataset, partial, recipe, progress)
    first, history = learn(lesson, recipe, recipe.epochs, progress, validation)
    epochs = favoured_epochs(history) if recipe.choose_epochs else recipe.epochs

    # The network to keep: from scratch, on every training review.
    del lesson  # it is large, and so is the next one
    final, _ = learn(take_lesson(dataset, training, recipe, progress), recipe, epochs, progress)
    if recipe.calibrate:
        said = first.judge(first.encode(validation.sequences))
        labels = smoothed(validation.labels) if smooth else validation.labels
        apply_scaling(final.network, fit_scaling(said, labels))
    return Outcome(final, epochs, history, len(validation))


def take_lesson(dataset: Dataset, labelled: Split, recipe: Recipe, progress: Progress) -> Lesson:
    """Make the lesson that a recipe asks for and show how far that is; see `training.lesson.prepare`."""
    task = progress.add_task("preparing", total=None)
    lesson = prepare(dataset, labelled, recipe, lambda step: progress.update(task, description=step))
    progress.remove_task(task)
    return lesson


def learn(
    lesson: Lesson, recipe: Recipe, epochs: int, progress: Progress, validation: Split | None = None
) -> tuple[Learnt, History]:
    """Train one network from scratch.

    Args:
        lesson: What to learn.
        recipe: How.
        epochs: How long.
        progress: Shows how far it is.
        validation: Reviews to measure on after each epoch.
    """
    rng = np.random.default_rng(recipe.seed)
    batches = Batches(lesson.vocabulary, lesson.rows, lesson.targets, recipe.batch_size, rng, recipe.term_dropout)
    held_out = None
    if validation is not None:
        rows = [lesson.vocabulary.encode_tokens(tokens) for tokens in validation.sequences]
        held_out = Batches(lesson.vocabulary, rows, validation.labels, EVALUATION_BATCH)
    network = build(recipe, epochs * len(batches))
    task = progress.add_task(f"{epochs} epochs over {len(lesson.rows):,} reviews", total=epochs * len(batches))
    history = fit(network, batches, epochs, lambda: progress.advance(task), held_out)
    return Learnt(lesson.vocabulary, network), history


def favoured_epochs(history: History) -> int:
    """The epoch count with the smallest validation loss; the earliest of equals."""
    return int(np.argmin(history["val_loss"])) + 1
