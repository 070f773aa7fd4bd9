"""Predictions as a table on a terminal, as tab-separated lines elsewhere, or as JSON.

Blue is positive and orange is negative, as in the playground, so that colour-blind people can tell them apart.
"""

from collections.abc import Sequence

import typer
from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from app.api.serialization import predictions_json
from app.inference.bundle import Bundle
from app.inference.classifier import Classifier
from app.inference.prediction import Prediction
from app.terminal.printable import one_line

POSITIVE, NEGATIVE = "dodger_blue1", "dark_orange"


def print_predictions(bundle: Bundle, classifier: Classifier, reviews: Sequence[str], as_json: bool) -> None:
    """Score reviews and print the predictions.

    Raises:
        InferenceError: The runtime returned something that is not a probability.
    """
    predictions = classifier.predict(reviews)
    console = Console()
    if as_json:
        typer.echo(predictions_json(bundle.manifest.name, bundle.manifest.version, predictions))
    elif console.is_terminal:
        console.print(_table(predictions, reviews))
    else:
        typer.echo("\n".join(map(line_of, predictions, reviews)))


def line_of(prediction: Prediction, review: str) -> str:
    """A tab-separated line for programs: probability, sentiment, uncertain, words, known words, review."""
    decided = f"{prediction.positive_probability:.6f}\t{prediction.sentiment}\t{str(prediction.uncertain).lower()}"
    return f"{decided}\t{prediction.words}\t{prediction.known_words}\t{one_line(review)}"


def _table(predictions: Sequence[Prediction], reviews: Sequence[str]) -> Table:
    table = new_table("#", "positive", Column("sentiment", no_wrap=True), "known words", "review")
    for number, (prediction, review) in enumerate(zip(predictions, reviews, strict=True), 1):
        colour = colour_of(prediction)
        table.add_row(
            f"{number}",
            Text(f"{prediction.positive_probability:.3f}", f"bold {colour}"),
            Text(verdict_of(prediction), colour),
            known_words(prediction),
            Text(one_line(review[:300]), no_wrap=True, overflow="ellipsis"),
        )
    return table


def new_table(*columns: Column | str) -> Table:
    """An empty table with a line below its header."""
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def verdict_of(prediction: Prediction) -> str:
    """The sentiment; in brackets if it is uncertain."""
    return f"uncertain ({prediction.sentiment})" if prediction.uncertain else prediction.sentiment


def known_words(prediction: Prediction) -> str:
    """The number of known words, and of all."""
    return f"{prediction.known_words} of {prediction.words}"


def colour_of(prediction: Prediction) -> str:
    """The colour of a prediction; none if it is uncertain."""
    if prediction.uncertain:
        return "default"
    return POSITIVE if prediction.sentiment == "positive" else NEGATIVE
