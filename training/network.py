"""The network: how it is built, fed, fitted, judged and exported."""

import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.inference.runtimes import LITERT_FILE, import_tensorflow
from app.inference.vocabulary import Row, Vocabulary
from training.recipe import Recipe

tf = import_tensorflow()
import keras

Network: TypeAlias = keras.Model
History = dict[str, list[float]]
"""Metric -> its value after each epoch: loss, accuracy, and val_loss, val_accuracy where there is validation."""


def fix_seed(seed: int) -> None:
    """Make what follows repeatable: the same seed gives the same weights on the same machine."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build(recipe: Recipe, steps: int) -> Network:
    """Make a new, untrained network: multi_hot (batch, columns) -> positive_probability (batch, 1).

    Args:
        recipe: Its shape and how it will learn.
        steps: How many batches it will see; a decaying learning rate ends with the last.
    """
    layers = [keras.Input((recipe.encoding.columns,), name="multi_hot")]
    for units in recipe.hidden_units:
        layers.append(keras.layers.Dense(units, activation=recipe.activation))
        if recipe.dropout:
            layers.append(keras.layers.Dropout(recipe.dropout))
    layers.append(keras.layers.Dense(1, activation="sigmoid", name="positive_probability"))
    network = keras.Sequential(layers)
    network.compile(optimizer=_optimizer(recipe, steps), loss=recipe.loss, metrics=[accuracy])
    return network


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of reviews on the right side of one half, also where the target is a probability."""
    return tf.reduce_mean(tf.cast(tf.equal(y_true > 0.5, y_pred > 0.5), tf.float32))


def _optimizer(recipe: Recipe, steps: int) -> Any:
    optimizer = keras.optimizers.get(recipe.optimizer)
    if recipe.learning_rate is not None:
        rate: Any = recipe.learning_rate
        optimizer = type(optimizer)(keras.optimizers.schedules.CosineDecay(rate, steps) if recipe.decay else rate)
    return optimizer


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
    """Encoded reviews, spread out one batch at a time: 20 MB where the whole matrix would take 1 GB.

    Args:
        vocabulary: What encoded the rows.
        rows: The reviews.
        labels: float32 (reviews,); probabilities where the network learns from a teacher.
        size: Reviews a batch; the last batch holds what is left.
        rng: Draws a new order before each epoch; None keeps the order.
        term_dropout: Share of each row's columns that is left out, anew each time.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        rows: Sequence[Row],
        labels: NDArray[np.float32],
        size: int,
        rng: np.random.Generator | None = None,
        term_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self._term_dropout = term_dropout
        if term_dropout:  # a term that occurs twice should not have two chances
            rows = [row._replace(columns=np.fromiter(set(row.columns.tolist()), np.int32)) for row in rows]
        self._vocabulary, self._rows, self._labels, self._size, self._rng = vocabulary, rows, labels, size, rng
        self._order = np.arange(len(rows))
        self._draw()

    def __len__(self) -> int:
        return -(-len(self._rows) // self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        chosen = self._order[index * self._size : (index + 1) * self._size]
        multi_hot = self._vocabulary.multi_hot([self._thinned(self._rows[i]) for i in chosen])  # (batch, columns)
        if self._rng is not None and self._term_dropout:
            multi_hot /= 1 - self._term_dropout  # so that scores are as large as without
        return multi_hot, self._labels[chosen, None]  # (batch, 1)

    def _thinned(self, row: Row) -> Row:
        """Leave some terms out, so that the network learns not to rely on any one of them."""
        if self._rng is None or self._term_dropout == 0:
            return row
        return row._replace(columns=row.columns[self._rng.random(len(row.columns)) >= self._term_dropout])

    def on_epoch_end(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._rng is not None:
            self._order = self._rng.permutation(len(self._rows))


class _Report(keras.callbacks.Callback):  # type: ignore[misc]
    """Pass what happens on to the progress display."""

    def __init__(self, on_batch: Callable[[], None]) -> None:
        super().__init__()
        self._on_batch = on_batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._on_batch()


def fit(
    network: Network, batches: Batches, epochs: int, on_batch: Callable[[], None], validation: Batches | None = None
) -> History:
    """Train.

    Args:
        network: Trained in place.
        batches: What to learn from.
        epochs: How often to go through it.
        on_batch: Called after each step.
        validation: What to measure on after each epoch.
    """
    history = network.fit(
        batches, epochs=epochs, validation_data=validation, shuffle=False, verbose=0, callbacks=[_Report(on_batch)]
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def predict(network: Network, batches: Batches) -> NDArray[np.float32]:
    """Estimate probabilities; float32 (reviews,)."""
    parts = [network.predict_on_batch(batches[i][0])[:, 0] for i in range(len(batches))]
    return np.concatenate(parts)


def export(network: Network, folder: Path) -> None:
    """Write the network into a staged bundle as a SavedModel that serves multi_hot -> positive_probability.

    Raises:
        OSError: The system refused to write; the disk is full, say.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, network.input_shape[1]), tf.float32, "multi_hot")])  # type: ignore[untyped-decorator]
    def serve(multi_hot: Any) -> dict[str, Any]:
        return {"positive_probability": network(multi_hot, training=False)}

    module = tf.Module()
    module.variables_to_save = network.trainable_variables
    module.serve = serve
    level = logging.getLogger("tensorflow").level
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        tf.saved_model.save(module, os.fspath(folder), signatures={"serving_default": serve})
    except tf.errors.OpError as error:  # which one depends on what the system said: ResourceExhausted, OutOfRange, …
        # What the system said stands between the operation's names.
        raise OSError(re.sub(r"^\{\{.*?\}\} | \[Op:\w+\]$", "", error.message)) from error
    finally:
        logging.getLogger("tensorflow").setLevel(level)
    (folder / "assets").rmdir()  # always empty here, and git would not keep it
    _export_litert(folder)


def _export_litert(folder: Path) -> None:
    """Convert the SavedModel in a staged bundle for LiteRT, weights and all."""
    model = tf.saved_model.load(os.fspath(folder))
    # Through its function: the converter's own reading of this SavedModel leaves the weights out.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.signatures["serving_default"]], model)
    (folder / LITERT_FILE).write_bytes(converter.convert())
