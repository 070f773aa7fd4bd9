"""The options of the commands, each declared once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import Progress

from app.model.vocabulary import Encoding
from training.archive import download, load_archives
from training.collection import COLUMNS, is_own, load_collection
from training.dataset import Dataset
from training.progress import note

LISTS = ("--dataset", "--sizes", "--seeds")
"""Options that take several values."""
KERAS = Path("keras")
MAX_SEED = 2**32 - 1
"""The largest that NumPy's legacy generator takes, which Keras seeds, too."""


def _above_0(rate: float | None) -> float | None:
    if rate is not None and not 0 < rate < math.inf:  # also false for NaN
        raise typer.BadParameter(f"{rate} is not a number above 0, such as 0.001")
    return rate


def _own(name: str, text: str, **more: Any) -> Any:
    return typer.Option(name, help=text, rich_help_panel="Your own reviews (.csv, .tsv, .jsonl; also .gz, …)", **more)


def _change(text: str, **more: Any) -> Any:
    return typer.Option(help=text, rich_help_panel="Hyperparameters (best: only --epochs and --seed)", **more)


DATASET_HELP = """Archives or folders of the raw IMDB reviews, files of your own reviews (.csv, .jsonl), or `keras`.
By default, the official archive."""
RECIPE_HELP = """book: the network of the book. best: a more accurate network, trained with larger models as teachers on
reviews, sentences and unlabelled reviews (pass their archive as well)."""
LABEL_HELP = """Column with the labels: 1, positive, pos, true or 0, negative, neg, false. By default, label or
sentiment."""
SENTENCES_HELP = "File of rated sentences to evaluate in the report; per line, a rating, a tab and the sentence."

Paths = Annotated[list[Path] | None, typer.Option("--dataset", metavar="PATH...", help=DATASET_HELP)]
RecipeName = Annotated[Literal["book", "best"], typer.Option("--recipe", help=RECIPE_HELP)]
Seeds = Annotated[
    list[int], typer.Option("--seeds", metavar="N...", min=0, max=MAX_SEED, help="Random seeds; one run each.")
]
Sizes = Annotated[
    list[int] | None,
    typer.Option(metavar="N...", min=1, help="Training set sizes. By default, all, half, a quarter, …"),
]
Version = Annotated[int | None, typer.Option(min=1, help="Version of the new bundle. By default, the next one.")]
Sentences = Annotated[Path | None, typer.Option(help=SENTENCES_HELP)]

TextColumn = Annotated[
    str | None, _own("--text-column", "Column with the texts. By default, text or review.", metavar="NAME")
]
LabelColumn = Annotated[str | None, _own("--label-column", LABEL_HELP, metavar="NAME")]
SkipBadRows = Annotated[bool, _own("--skip-bad-rows", "Skip and count invalid rows.")]

Layers = Annotated[int | None, _change("Number of hidden layers, all of the same width.", min=1, max=3)]
Units = Annotated[int | None, _change("Width of the hidden layers: 16, 32, 64, …", min=1)]
Activation = Annotated[Literal["relu", "tanh"] | None, _change("Activation function of the hidden layers.")]
Loss = Annotated[Literal["binary_crossentropy", "mse"] | None, _change("Loss function.")]
LearningRate = Annotated[float | None, _change("Learning rate of the optimizer.", callback=_above_0)]
BatchSize = Annotated[int | None, _change("Reviews per step; the book: 512.", min=1)]
Validation = Annotated[int | None, _change("Training reviews held out for validation; the book: 10,000.", min=1)]
Epochs = Annotated[int | None, _change("Epochs (book: of the run with validation, 20 by default).", min=1)]
Seed = Annotated[int | None, _change("Random seed; by default 0, for best 1.", min=0, max=MAX_SEED)]


@dataclass(frozen=True)
class Source:
    """The options that say where the reviews come from.

    Raises:
        typer.BadParameter: They do not fit together.
    """

    paths: Sequence[Path] | None
    text_column: str | None = None
    label_column: str | None = None
    skip_bad_rows: bool = False
    words_suffice: bool = False
    """Whether the command can do without raw reviews."""

    def __post_init__(self) -> None:
        if self.paths == [KERAS] and not self.words_suffice:
            raise typer.BadParameter(
                "Keras has only words, which suffice to train the recipe book. For the rest, name the raw reviews "
                "(--dataset aclImdb_v1.tar.gz), or leave --dataset out to download them"
            )
        options = ("--text-column", self.text_column), ("--label-column", self.label_column)
        named = [option for option, value in (*options, ("--skip-bad-rows", self.skip_bad_rows)) if value]
        if named and not self.is_own:
            raise typer.BadParameter(f"{' and '.join(named)}: only for files of your own reviews (--dataset my.csv)")

    @property
    def is_own(self) -> bool:
        """Whether they are a user's own reviews."""
        return any(map(is_own, self.paths or ()))

    def load(self, progress: Progress, encoding: Encoding, keep_unlabelled: bool = False) -> Dataset:
        """Read the reviews and print what the user should know about them."""
        if self.paths == [KERAS]:
            from training.keras_imdb import load_keras

            return load_keras(encoding)
        if self.paths and self.is_own:
            named = {"text": self.text_column, "label": self.label_column}
            columns = {**COLUMNS, **{field: (name,) for field, name in named.items() if name is not None}}
            dataset = load_collection(self.paths, encoding, progress, columns, self.skip_bad_rows)
        else:
            dataset = load_archives(self.paths or [download()], progress, encoding, keep_unlabelled)
        for notice in dataset.notices:
            note(progress, notice)
        if keep_unlabelled and not dataset.unlabelled:
            hint = "" if dataset.own else "; the official archive has 50,000"
            note(progress, f"this recipe also uses unlabelled reviews, but there are none{hint}")
        return dataset
