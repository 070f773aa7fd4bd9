"""What a network is trained with. A bundle's manifest records its recipe whole."""

from dataclasses import asdict, dataclass, field

from pydantic import JsonValue

from app.inference.vocabulary import Encoding


@dataclass(frozen=True)
class Recipe:
    """The book's choices (Chollet, *Deep Learning with Python*, 3.4) are the defaults.

    Attributes:
        name: What the recipe is called.
        encoding: How reviews become rows.
        hidden_units: Width of each hidden layer, first to last.
        activation: Of the hidden layers.
        optimizer: A Keras optimizer's name.
        loss: A Keras loss's name.
        batch_size: Reviews a step.
        epochs: How long the run with validation goes on, to see where over-fitting begins.
        validation: Training reviews set aside for that run.
        seed: Of the shuffle, the initial weights and the order of batches.
    """

    name: str = "book"
    encoding: Encoding = field(default_factory=Encoding)
    hidden_units: tuple[int, ...] = (16, 16)
    activation: str = "relu"
    optimizer: str = "rmsprop"
    loss: str = "binary_crossentropy"
    batch_size: int = 512
    epochs: int = 20
    validation: int = 10_000
    seed: int = 0

    def as_json(self) -> dict[str, JsonValue]:
        """The recipe for the manifest, which states the encoding in a place of its own."""
        values = asdict(self)
        del values["encoding"]
        values["hidden_units"] = list(self.hidden_units)
        return values
