"""The recipe `book`: chapter 3.4 of *Deep Learning with Python* (Chollet), step by step.

Shapes are those of the IMDB reviews: 25,000 for training, rows of 10,000 columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.model_selection import StratifiedKFold

from app.evaluation.metrics import HeldOut
from app.evaluation.promise import trained
from app.model.vocabulary import Encoding, Row, Vocabulary
from training.dataset import Dataset, build_vocabulary, hold_out, shuffled
from training.network import (
    Batches,
    History,
    Network,
    Recipe,
    TrainedModel,
    accuracy,
    build,
    encode,
    fit,
    fix_seed,
    predict,
)


@dataclass(frozen=True)
class Book(Recipe):
    """The book's constants."""

    name: ClassVar[str] = "book"
    encoding: ClassVar[Encoding] = Encoding()
    reads_unlabelled: ClassVar[bool] = False

    hidden_units: tuple[int, ...] = (16, 16)  # width of each hidden layer, first to last
    activation: str = "relu"  # of the hidden layers
    loss: str = "binary_crossentropy"  # a Keras loss
    learning_rate: float = 0.001  # of RMSprop; this is Keras's default
    batch_size: int = 512  # reviews per step
    epochs: int = 20  # of the run with validation
    validation: int = 10_000  # training reviews held out in that run
    folds: int = 3  # parts of the training set for held-out predictions
    seed: int = 0  # of the shuffle, the initial weights and the order of batches


VARIANTS = {
    "the book (2 layers of 16, relu, cross-entropy)": Book(),
    "1 hidden layer": Book(hidden_units=(16,)),
    "3 hidden layers": Book(hidden_units=(16, 16, 16)),
    "32 units": Book(hidden_units=(32, 32)),
    "64 units": Book(hidden_units=(64, 64)),
    "mse": Book(loss="mse"),
    "tanh": Book(activation="tanh"),
}
"""The book's further experiments (3.4.6): what is changed -> the changed recipe."""


def train_model(dataset: Dataset, recipe: Book, progress: Progress) -> TrainedModel:
    """Find the number of epochs with validation, then train a new network on the whole training set."""
    history = validate_model(dataset, recipe, progress)
    epochs = int(np.argmin(history["val_loss"])) + 1  # the earliest minimum

    training = shuffled(dataset.train, recipe.seed)
    vocabulary = build_vocabulary(dataset, recipe.encoding)
    rows = encode(vocabulary, training.sequences)  # 25,000 rows, int32 (occurrences,) each
    network = _compiled(recipe)
    fit(network, _batches(vocabulary, rows, training.labels, recipe), epochs, progress)

    # Held-out predictions: each third of the training set is scored by a network that was trained on the other two. The
    # network's own predictions for reviews that it was trained on would look too good.
    probabilities = np.zeros(len(rows), np.float32)  # (25000,)
    folds = min(recipe.folds, int(training.labels.sum()), int((1 - training.labels).sum()))
    for others, fold in StratifiedKFold(folds).split(rows, training.labels):  # (16667,), (8333,)
        other = _compiled(recipe)
        batches = _batches(vocabulary, [rows[i] for i in others], training.labels[others], recipe)
        fit(other, batches, epochs, progress)
        probabilities[fold] = predict(other, vocabulary, [rows[i] for i in fold])
    held_out = HeldOut.of(probabilities, training.labels, rows)

    rule, promise = trained(held_out, dataset.kind)
    return TrainedModel(vocabulary, network, epochs, history, recipe.validation, held_out, rule, promise)


def validate_model(dataset: Dataset, recipe: Book, progress: Progress) -> History:
    """Train with the validation reviews held out, to see when over-fitting begins."""
    fix_seed(recipe.seed)
    vocabulary = build_vocabulary(dataset, recipe.encoding)  # ranks the words of all 25,000 reviews, as Keras does
    partial, validation = hold_out(shuffled(dataset.train, recipe.seed), recipe.validation)  # 15,000 and 10,000 reviews
    batches = _batches(vocabulary, encode(vocabulary, partial.sequences), partial.labels, recipe)
    held_out = _batches(vocabulary, encode(vocabulary, validation.sequences), validation.labels, recipe, shuffle=False)
    return fit(_compiled(recipe), batches, recipe.epochs, progress, held_out)


def _compiled(recipe: Book) -> Network:
    network = build(recipe.encoding.columns, recipe.hidden_units, recipe.activation)  # (batch, 10000) -> (batch, 1)
    network.compile(optimizer="rmsprop", loss=recipe.loss, metrics=[accuracy])
    network.optimizer.learning_rate = recipe.learning_rate
    return network


def _batches(
    vocabulary: Vocabulary, rows: Sequence[Row], labels: NDArray[np.float32], recipe: Book, shuffle: bool = True
) -> Batches:
    def inputs(chosen: NDArray[np.intp]) -> NDArray[np.float32]:  # a batch at a time: the whole matrix would take 1 GB
        return vocabulary.multi_hot([rows[i] for i in chosen])

    rng = np.random.default_rng(recipe.seed)
    rng.permutation(len(rows))  # the order that `shuffled` gave; each epoch has a new one
    return Batches(inputs, labels, recipe.batch_size, rng if shuffle else None)
