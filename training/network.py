"""The Keras network of every recipe: building, training, predicting, exporting; and what a recipe returns."""

import math
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from app.bundles.writing import STOPPING, write_network
from app.evaluation.metrics import HeldOut
from app.model import network as arrays
from app.model.prediction import Promise, UncertaintyRule
from app.model.runtimes import import_tensorflow
from app.model.text import joined
from app.model.vocabulary import Encoding, Row, Vocabulary

tf = import_tensorflow()
import keras

Network: TypeAlias = keras.Model
"""multi_hot (batch, columns) -> positive_probability (batch, 1)."""
History = dict[str, list[float]]
"""Metric -> its value after each epoch: loss and accuracy; with validation, also val_loss and val_accuracy."""

PREDICTION_BATCH = 512
"""Reviews per batch outside training, where the size does not change the results."""


FULL = 25_000
"""Labelled training reviews that the recipes' constants are made for."""
MIN_BATCH = 8


class Recipe:
    """The base of frozen dataclasses with every constant of a recipe, which the manifest records.

    Its module, `training.<name>`, has `train_model(dataset, recipe, progress) -> TrainedModel`; `validate_model`, which
    takes the same and returns the History of the run with validation; and VARIANTS for experiments: name -> recipe.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    name: ClassVar[str]
    encoding: ClassVar[Encoding]
    reads_unlabelled: ClassVar[bool]  # whether it uses the data set's unlabelled reviews
    validation: int
    batch_size: int

    def scaled(self, reviews: int) -> Self:
        """The same recipe for a smaller training set, with `validation` and `batch_size` in proportion."""
        share = min(reviews / FULL, 1)
        batch_size = min(self.batch_size, max(MIN_BATCH, round(self.batch_size * share)))
        return replace(self, validation=max(1, round(self.validation * share)), batch_size=batch_size)


@dataclass(frozen=True)
class TrainedModel:
    """What a recipe returns."""

    vocabulary: Vocabulary
    network: Network  # calibrated
    epochs: int
    history: History  # of the run with validation
    validation: int  # reviews held out in that run
    held_out: HeldOut  # cross-fitted predictions for the training set
    uncertainty: UncertaintyRule
    promise: Promise | None  # how often certain predictions are right

    def encode(self, sequences: Sequence[list[str]]) -> list[Row]:
        """Encode reviews that are tokens already."""
        return encode(self.vocabulary, sequences)

    def predict_rows(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Estimate the probabilities of encoded reviews; float32 (reviews,)."""
        return predict(self.network, self.vocabulary, rows)

    def predict(self, texts: Sequence[str]) -> list[float]:
        """Estimate the probabilities of raw reviews, in order."""
        probabilities: list[float] = self.predict_rows(self.encode(list(map(self.vocabulary.tokenise, texts)))).tolist()
        return probabilities

    def top_terms(self, count: int = 20) -> dict[str, list[str]]:
        """The terms of each class that change the log-odds of an otherwise empty review most, strongest first."""
        base = self.vocabulary.encode("").columns
        terms = list(self.vocabulary.word_index)
        rows = [Row(np.append(base, np.int32(column)), 1, 1) for column in self.vocabulary.word_index.values()]
        order = np.argsort(self.predict_rows(rows), kind="stable")  # (terms,), the most negative one first
        return {
            "positive": [terms[i] for i in order[::-1][:count]],
            "negative": [terms[i] for i in order[:count]],
        }


def fix_seed(seed: int) -> None:
    """Make training repeatable: the same weights with the same seed, library versions and kind of processor."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def build(
    columns: int, hidden_units: Sequence[int], activation: str = "relu", dropout: float = 0.0, sparse: bool = False
) -> Network:
    """Build a new network, which the recipe compiles; `sparse` if its batches are sparse tensors."""
    layers = [keras.Input((columns,), name="multi_hot", sparse=sparse)]  # (batch, columns)
    for units in hidden_units:
        layers.append(keras.layers.Dense(units, activation=activation))  # (batch, units)
        if dropout:
            layers.append(keras.layers.Dropout(dropout))
    layers.append(keras.layers.Dense(1, activation="sigmoid", name="positive_probability"))  # (batch, 1)
    return keras.Sequential(layers)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of reviews on the right side of 0.5, also where the target is a probability."""
    return tf.reduce_mean(tf.cast(tf.equal(y_true > 0.5, y_pred > 0.5), tf.float32))


def encode(vocabulary: Vocabulary, sequences: Sequence[list[str]]) -> list[Row]:
    """Encode reviews that are tokens already, a batch at a time to bound memory."""
    parts = (sequences[start : start + PREDICTION_BATCH] for start in range(0, len(sequences), PREDICTION_BATCH))
    return [row for part in parts for row in vocabulary.find(list(map(joined, part))).rows]


@dataclass
class Batches:
    """A training set; iterating yields one epoch: inputs (batch, columns) and float32 targets (batch, 1)."""

    inputs: Callable[[NDArray[np.intp]], Any]  # positions of rows (batch,) -> dense or sparse float32 (batch, columns)
    targets: NDArray[np.float32]  # (rows,)
    size: int  # rows per batch; the last one has the rest
    rng: np.random.Generator | None = None  # draws a new order for each epoch; None keeps the order

    def __len__(self) -> int:
        return math.ceil(len(self.targets) / self.size)

    def __iter__(self) -> Iterator[tuple[Any, NDArray[np.float32]]]:
        count = len(self.targets)
        order = np.arange(count) if self.rng is None else self.rng.permutation(count)
        for start in range(0, count, self.size):
            chosen = order[start : start + self.size]  # (batch,)
            yield self.inputs(chosen), self.targets[chosen, None]


def fit(
    network: Network, batches: Batches, epochs: int, progress: Progress, validation: Batches | None = None
) -> History:
    """Train a compiled network in place, with a progress bar, and measure it on `validation` after each epoch.

    Keras's own `fit` and `evaluate` are slower, because they copy each batch several times.
    """
    history: History = {}
    steps = epochs * (len(batches) + (0 if validation is None else len(validation)))
    task = progress.add_task(f"{epochs} epochs over {len(batches.targets):,} reviews", total=steps)

    def run(step: Callable[..., Any], one_epoch: Batches, prefix: str) -> None:
        measured, sizes = [], []  # (batches, 2), (batches,)
        for inputs, targets in one_epoch:
            measured.append(step(inputs, targets))  # loss, accuracy
            sizes.append(len(targets))
            progress.advance(task)
            if interrupted.is_set():
                raise KeyboardInterrupt
        for name, value in zip(("loss", "accuracy"), np.average(measured, 0, sizes).tolist(), strict=True):
            history.setdefault(prefix + name, []).append(value)

    with _interrupts_noted() as interrupted:
        for _ in range(epochs):
            run(network.train_on_batch, batches, "")
            if validation is not None:
                run(network.test_on_batch, validation, "val_")
    return history


@contextmanager
def _interrupts_noted() -> Iterator[threading.Event]:
    """Let Ctrl-C set an event instead of raising an exception, which is sometimes lost inside TensorFlow."""
    interrupted = threading.Event()
    numbers = (signal.SIGINT, *STOPPING)
    raising = [number for number in numbers if signal.getsignal(number) is signal.default_int_handler]
    for number in raising:
        signal.signal(number, lambda *_: interrupted.set())
    try:
        yield interrupted
    finally:
        for number in raising:
            signal.signal(number, signal.default_int_handler)


def predict(network: Network, vocabulary: Vocabulary, rows: Sequence[Row]) -> NDArray[np.float32]:
    """Estimate the probabilities of encoded reviews; float32 (reviews,)."""
    starts = range(0, len(rows), PREDICTION_BATCH)
    batches = (vocabulary.multi_hot(rows[start : start + PREDICTION_BATCH]) for start in starts)  # (batch, columns)
    return np.concatenate([network.predict_on_batch(multi_hot)[:, 0] for multi_hot in batches])


def export(network: Network, folder: Path) -> None:
    """Write the network into a staged bundle, as a SavedModel and as arrays.

    Raises:
        OSError: Writing failed, for example because the disk is full.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, network.input_shape[1]), tf.float32, "multi_hot")])  # type: ignore[untyped-decorator]
    def serve(multi_hot: Any) -> dict[str, Any]:
        return {"positive_probability": network(multi_hot, training=False)}

    module = tf.Module()
    module.variables_to_save = network.trainable_variables
    module.serve = serve
    try:
        tf.saved_model.save(module, os.fspath(folder), signatures={"serving_default": serve})
    except tf.errors.OpError as error:  # ResourceExhausted, OutOfRange, …, with the reason between names of operations
        raise OSError(re.sub(r"^\{\{.*?\}\} | \[Op:\w+\]$", "", error.message)) from error
    (folder / "assets").rmdir()  # always empty here, and git would not keep it
    dense = [layer for layer in network.layers if layer.get_weights()]
    layers = [arrays.Layer(*layer.get_weights()) for layer in dense]
    write_network(folder, arrays.Network(layers, dense[0].activation.__name__))
