"""Predictions as a table on a terminal, as tab-separated lines elsewhere, or as JSON.

Blue is positive and orange is negative, as in the playground, so that colour-blind people can tell them apart.
"""

from collections.abc import Sequence

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.api.serialization import predictions_json
from app.inference.bundle import Bundle
from app.inference.classifier import Classifier
from app.inference.prediction import Prediction
from app.terminal.printable import one_line

POSITIVE, NEGATIVE = "dodger_blue1", "dark_orange"
MIN_KNOWN_WORDS, MIN_KNOWN_SHARE = 4, 1 / 5
"""Known words, and their share, below which a probability means little; the playground has the same rule
(app/playground/verdict.js). None of the bundle's 25,000 training reviews had a share below a fifth."""


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
    """A tab-separated line for programs: probability, sentiment, words, known words, review."""
    numbers = f"{prediction.positive_probability:.6f}\t{prediction.sentiment}\t{prediction.words}"
    return f"{numbers}\t{prediction.known_words}\t{one_line(review)}"


def _table(predictions: Sequence[Prediction], reviews: Sequence[str]) -> Table:
    table = new_table("#", "positive", "sentiment", "known words", "review")
    for number, (prediction, review) in enumerate(zip(predictions, reviews, strict=True), 1):
        colour = colour_of(prediction.positive_probability)
        table.add_row(
            f"{number}",
            Text(f"{prediction.positive_probability:.3f}", f"bold {colour}"),
            Text(prediction.sentiment, colour),
            known_words(prediction),
            Text(one_line(review[:300]), no_wrap=True, overflow="ellipsis"),
        )
    return table


def new_table(*columns: str) -> Table:
    """An empty table with a line below its header."""
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def known_words(prediction: Prediction) -> Text:
    """The number of known words; yellow if they are too few for a meaningful probability."""
    few = prediction.known_words < max(MIN_KNOWN_WORDS, prediction.words * MIN_KNOWN_SHARE)
    return Text(f"{prediction.known_words} of {prediction.words}", "yellow" if few else "")


def colour_of(probability: float) -> str:
    """The colour of a probability in [0, 1]; none near 0.5."""
    return "default" if abs(probability - 0.5) < 0.1 else POSITIVE if probability > 0.5 else NEGATIVE
