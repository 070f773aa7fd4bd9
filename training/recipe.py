"""What a network is trained with. A bundle's manifest records its recipe whole."""

from dataclasses import asdict, dataclass, field, replace

from pydantic import JsonValue

from app.inference.vocabulary import Encoding


@dataclass(frozen=True)
class Distillation:
    """Learning from a teacher that is too big to serve; see `training.teacher`.

    Attributes:
        rarest_term: Reviews that a term must occur in for the teacher to see it.
        rarest_column: Reviews that a term must occur in to get a column.
        summary: Dimensions of the teacher's low-rank view.
        teacher_share: The teacher's part in the target of a labelled review; the rest is the label.
    """

    rarest_term: int = 5
    rarest_column: int = 30
    summary: int = 400
    teacher_share: float = 0.5


@dataclass(frozen=True)
class Recipe:
    """The book's choices (Chollet, *Deep Learning with Python*, 3.4) are the defaults.

    Attributes:
        name: What the recipe is called.
        encoding: How reviews become rows.
        hidden_units: Width of each hidden layer, first to last.
        activation: Of the hidden layers.
        dropout: Share of each hidden layer's outputs left out while learning.
        term_dropout: Share of each review's columns left out while learning.
        optimizer: A Keras optimizer's name.
        learning_rate: Its step size; Keras's default when None.
        decay: Whether the learning rate falls to 0 along a cosine.
        loss: A Keras loss's name.
        batch_size: Reviews a step.
        epochs: How long the run with validation goes on.
        choose_epochs: Whether the final network stops at the epoch that validation favours, or goes on as long.
        validation: Training reviews set aside for the run with validation.
        calibrate: Whether the output is sharpened or softened to fit the validation reviews.
        distillation: What the teacher is like, or None to learn from the labels alone.
        seed: Of the shuffle, the initial weights, the order of batches and the dropout.
    """

    name: str = "book"
    encoding: Encoding = field(default_factory=Encoding)
    hidden_units: tuple[int, ...] = (16, 16)
    activation: str = "relu"
    dropout: float = 0.0
    term_dropout: float = 0.0
    optimizer: str = "rmsprop"
    learning_rate: float | None = None
    decay: bool = False
    loss: str = "binary_crossentropy"
    batch_size: int = 512
    epochs: int = 20
    choose_epochs: bool = True
    validation: int = 10_000
    calibrate: bool = False
    distillation: Distillation | None = None
    seed: int = 0

    def as_json(self) -> dict[str, JsonValue]:
        """The recipe for the manifest, which states the encoding in a place of its own."""
        values = asdict(self)
        del values["encoding"]
        values["hidden_units"] = list(self.hidden_units)
        return values


BOOK = Recipe()
BEST = Recipe(
    name="best",
    # No start column, since the bias does its work, and none for unknown words, which say nothing: all for terms.
    encoding=Encoding(
        start_column=None, unknown_column=None, first_term_column=0, longest_term=3, kept_punctuation="!?"
    ),
    hidden_units=(16,),
    dropout=0.3,
    term_dropout=0.4,
    optimizer="adam",
    learning_rate=2e-3,
    decay=True,
    epochs=15,
    choose_epochs=False,
    validation=5_000,
    calibrate=True,
    distillation=Distillation(),
)
RECIPES = {recipe.name: recipe for recipe in (BOOK, BEST)}
"""What `--recipe` may name."""

SEEDS = (0, 1, 2)
"""What is tried over several seeds is tried with these, unless others are named."""

FULL = 25_000
"""Training reviews of the IMDB data set, which the numbers above are made for."""
SMALLEST_BATCH = 8


def adapted(recipe: Recipe, reviews: int) -> Recipe:
    """Bring what counts reviews down to a smaller data set; a recipe for as many as the IMDB data set stays as it is.

    Validation takes the same share as there, an epoch has about as many steps, and the terms that a teacher sees may be
    as rare in proportion, but never stand in one review alone: such a term would teach nothing, and may be somebody's
    name. Without a teacher that is up to the vocabulary; see `dataset.build_vocabulary`.

    Args:
        recipe: Made for 25,000 training reviews.
        reviews: Training reviews.
    """
    if reviews >= FULL:
        return recipe
    share = reviews / FULL
    distillation = recipe.distillation
    if distillation is not None:
        distillation = replace(
            distillation,
            rarest_term=max(2, round(distillation.rarest_term * share)),
            rarest_column=max(2, round(distillation.rarest_column * share)),
        )
    return replace(
        recipe,
        validation=max(1, round(recipe.validation * share)),
        batch_size=min(recipe.batch_size, max(SMALLEST_BATCH, round(recipe.batch_size * share))),
        distillation=distillation,
    )
