"""The steps of the recipe `best`, from reviews to a calibrated network. Shapes are those of the IMDB reviews."""

from dataclasses import astuple, replace
from typing import Any

import numpy as np
from rich.progress import Progress
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from app.evaluation.metrics import HeldOut
from app.evaluation.promise import trained
from app.model.vocabulary import Vocabulary
from training.best.columns import choose_terms
from training.best.corpus import Corpus, Indices, Matrix, Vector, read_corpus
from training.best.recipe import Best
from training.best.teachers import teach
from training.best.training_set import TrainingSet, make_training_set, sparse_rows
from training.dataset import Dataset, check_parts
from training.network import (
    Batches,
    History,
    Network,
    TrainedModel,
    accuracy,
    build,
    encode,
    fit,
    fix_seed,
    predict,
    tf,
)


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
    vocabulary, misleading = choose_terms(corpus, teaching.weights, recipe)
    training = make_training_set(corpus, known, teaching, vocabulary, misleading, recipe)
    progress.remove_task(task)
    validation = None
    if aside is not None:
        rows = sparse_rows(vocabulary, [corpus.reviews[i] for i in aside])  # (5000, 10000)
        validation = sparse_batches(rows, corpus.labels[aside], recipe.batch_size)
    network, history = fit_network(training, validation, recipe, progress)  # (batch, 10000) -> (batch, 1)
    return vocabulary, network, history


def fit_network(
    training: TrainingSet, validation: Batches | None, recipe: Best, progress: Progress
) -> tuple[Network, History]:
    """Train a new network and measure it on `validation` after each epoch; returns the network for dense rows."""
    rng = np.random.default_rng(recipe.seed)
    batches = sparse_batches(training.rows, training.targets, recipe.batch_size, training.term_dropout, rng)
    columns, hidden = recipe.encoding.columns, (recipe.hidden_units,)
    network = build(columns, hidden, dropout=recipe.dropout, sparse=True)  # (batch, 10000) -> (batch, 1)
    decay = tf.keras.optimizers.schedules.CosineDecay(recipe.learning_rate, recipe.epochs * len(batches))
    network.compile(optimizer=tf.keras.optimizers.Adam(decay), loss="binary_crossentropy", metrics=[accuracy])
    history = fit(network, batches, recipe.epochs, progress, validation)
    served = build(columns, hidden)  # the same network for dense rows
    served.set_weights(network.get_weights())
    return served, history


def sparse_batches(
    rows: Matrix,
    targets: Vector,
    size: int,
    term_dropout: Vector | float = 0.0,
    rng: np.random.Generator | None = None,
) -> Batches:
    """Rows as sparse batches, which train faster than dense ones.

    Args:
        rows: float32 (rows, columns), 1.0 where a column is on.
        targets: float32 (rows,).
        size: Rows per batch.
        term_dropout: float32 (rows,), the share of each row's columns that is left out; with `rng` only.
        rng: Draws a new order and other columns for each epoch; None keeps the order, and leaves nothing out.
    """
    keep = np.broadcast_to(np.float32(1) - term_dropout, rows.shape[:1])  # (rows,)

    def inputs(chosen: Indices) -> Any:
        batch = rows[chosen]
        places = np.repeat(np.arange(len(chosen)), np.diff(batch.indptr))  # (ones,), the row of each one
        columns, values = batch.indices, batch.data
        if rng is not None:
            share = keep[chosen][places]
            kept = rng.random(len(places), np.float32) < share
            places, columns, values = places[kept], columns[kept], (1 / share[kept]).astype(np.float32)
        return tf.SparseTensor(np.stack([places, columns], 1).astype(np.int64), values, (len(chosen), batch.shape[1]))

    return Batches(inputs, targets, size, rng)


def calibrate(network: Network, held_out: HeldOut) -> HeldOut:
    """Fit Platt scaling to held-out predictions, and fold it into the network's last layer.

    So every runtime gives calibrated probabilities (Platt 1999; Guo et al., ICML 2017).

    Returns:
        The held-out predictions, calibrated.
    """
    scores = logit(np.clip(held_out.probabilities.astype(np.float64), 1e-7, 1 - 1e-7))[:, None]  # (10000, 1)
    scaling = LogisticRegression().fit(scores, held_out.labels)
    weights, bias = network.layers[-1].get_weights()  # (16, 1), (1,)
    slope, shift = scaling.coef_[0, 0], scaling.intercept_[0]
    network.layers[-1].set_weights([weights * slope, bias * slope + shift])
    return replace(held_out, probabilities=scaling.predict_proba(scores)[:, 1].astype(np.float32))
