"""The steps of the recipe `best`, from reviews to a calibrated network. Shapes are those of the IMDB reviews."""

from dataclasses import astuple

import numpy as np
from rich.progress import Progress

from app.evaluation.metrics import HeldOut
from app.evaluation.promise import trained
from app.model.vocabulary import Vocabulary
from training.best.columns import choose_terms
from training.best.corpus import Corpus, Indices, read_corpus
from training.best.network import calibrate, fit_network, sparse_batches
from training.best.recipe import Best
from training.best.teachers import teach
from training.best.training_set import make_training_set, sparse_rows
from training.dataset import Dataset, check_parts
from training.network import History, Network, TrainedModel, encode, fix_seed, predict


def train_model(dataset: Dataset, recipe: Best, progress: Progress) -> TrainedModel:
    """Train twice with reviews held out, to calibrate and to learn what is uncertain, then on all reviews."""
    fix_seed(recipe.seed)
    corpus = read_corpus(dataset, recipe, progress)
    held_out: list[HeldOut] = []
    history: History = {}
    for fold in range(recipe.folds):
        known, aside = hold_out(corpus, recipe, fold)  # (20000,), (5000,)
        vocabulary, network, run = train_network(corpus, known, recipe, progress, aside)
        history = history or run
        rows = encode(vocabulary, [corpus.reviews[i] for i in aside])
        held_out.append(HeldOut.of(predict(network, vocabulary, rows), corpus.labels[aside], rows))
    together = HeldOut(*map(np.concatenate, zip(*map(astuple, held_out), strict=True)))  # (10000,) each

    vocabulary, network, _ = train_network(corpus, np.arange(len(corpus.labels)), recipe, progress)
    together = calibrate(network, together)
    rule, promise = trained(together, dataset.kind)
    return TrainedModel(vocabulary, network, recipe.epochs, history, recipe.validation, together, rule, promise)


def validate_model(dataset: Dataset, recipe: Best, progress: Progress) -> History:
    """Train with the first part of the reviews held out."""
    fix_seed(recipe.seed)
    corpus = read_corpus(dataset, recipe, progress)
    known, aside = hold_out(corpus, recipe, 0)
    return train_network(corpus, known, recipe, progress, aside)[2]


def hold_out(corpus: Corpus, recipe: Best, fold: int) -> tuple[Indices, Indices]:
    """Choose labelled reviews at random to hold out; returns positions of the others, and of those held out."""
    order = np.random.default_rng(recipe.seed).permutation(len(corpus.labels))
    start = fold * recipe.validation
    aside = order[start : start + recipe.validation]
    known = np.setdiff1d(order, aside)
    check_parts(corpus.labels[known], corpus.labels[aside])
    return known, aside


def train_network(
    corpus: Corpus, known: Indices, recipe: Best, progress: Progress, aside: Indices | None = None
) -> tuple[Vocabulary, Network, History]:
    """Fit the teachers, choose the columns and train a network, all from scratch.

    The arrays are positions of labelled reviews: `known` to train on, beside the unlabelled ones, which are used in any
    case; `aside` to measure on after each epoch.
    """
    task = progress.add_task(f"fitting linear models to {len(corpus.sentences):,} sentences", total=None)
    teaching = teach(corpus, known, recipe)
    vocabulary, misleading = choose_terms(corpus, teaching.teacher.weights, recipe)
    training = make_training_set(corpus, known, teaching, vocabulary, misleading, recipe)
    progress.remove_task(task)
    validation = None
    if aside is not None:
        rows = sparse_rows(vocabulary, [corpus.reviews[i] for i in aside])  # (5000, 10000)
        validation = sparse_batches(rows, corpus.labels[aside], recipe.batch_size)
    network, history = fit_network(training, validation, recipe, progress)  # (batch, 10000) -> (batch, 1)
    return vocabulary, network, history
