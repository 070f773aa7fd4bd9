"""The network of the recipe `best`: how it is trained and calibrated."""

from dataclasses import replace
from typing import Any

import numpy as np
from rich.progress import Progress
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from app.evaluation.metrics import HeldOut
from app.model.runtimes import import_tensorflow
from training.best.corpus import Indices, Matrix, Vector
from training.best.recipe import Best
from training.best.training_set import TrainingSet
from training.network import Batches, History, Network, accuracy, build, fit

tf = import_tensorflow()


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
