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
from app.inference.vocabulary import Vocabulary
from app.terminal.printable import one_line, printable

POSITIVE, NEGATIVE = "dodger_blue1", "dark_orange"
MAX_SHOWN = 300
"""Characters of a review; a terminal is not wider."""


def print_predictions(
    models: Sequence[tuple[Bundle, Classifier]], reviews: Sequence[str], top: int, as_json: bool
) -> None:
    """Score reviews and print the predictions, or compare those of several versions; `top` is the number of terms.

    Raises:
        InferenceError: The runtime returned something that is not a probability.
    """
    manifests = [bundle.manifest for bundle, _ in models]
    predictions = [classifier.predict(reviews, top) for _, classifier in models]
    console = Console()
    if as_json:
        for manifest, found in zip(manifests, predictions, strict=True):
            typer.echo(predictions_json(manifest.name, manifest.version, found))
    elif console.is_terminal:
        console.print(_table(models, predictions, reviews))
    else:
        prefixes = [f"{manifest.version}\t" for manifest in manifests] if len(models) > 1 else [""]
        for review, *found in zip(reviews, *predictions, strict=True):
            for prefix, prediction in zip(prefixes, found, strict=True):
                reasons = f"\t{one_line(prediction.reasons)}" if top else ""
                typer.echo(prefix + line_of(prediction, review) + reasons)


def line_of(prediction: Prediction, review: str) -> str:
    """A tab-separated line for programs: probability, sentiment, uncertain, words, known words, review."""
    decided = f"{prediction.positive_probability:.6f}\t{prediction.sentiment}\t{str(prediction.uncertain).lower()}"
    return f"{decided}\t{prediction.words}\t{prediction.known_words}\t{one_line(review)}"


def _table(
    models: Sequence[tuple[Bundle, Classifier]], predictions: Sequence[Sequence[Prediction]], reviews: Sequence[str]
) -> Table:
    """One row per review; with several versions, one per review and version."""
    several = len(models) > 1
    versions = ["version"] if several else []
    reasons = [Column("reasons", no_wrap=True)] if predictions[0][0].terms is not None else []
    table = new_table("#", *versions, "positive", Column("sentiment", no_wrap=True), "known words", *reasons, "review")
    for number, (review, *found) in enumerate(zip(reviews, *predictions, strict=True), 1):
        for (bundle, classifier), prediction in zip(models, found, strict=True):
            start = [f"{number}" if bundle is models[0][0] else "", bundle.manifest.version][: 1 + several]
            terms = [Text(one_line(prediction.reasons).replace("; ", "\n"))] if reasons else []
            table.add_row(*start, *_cells(prediction), *terms, _shown(review[:MAX_SHOWN], classifier.vocabulary))
        if several:
            table.add_section()
    return table


def _cells(prediction: Prediction) -> tuple[Text, Text, str]:
    """Probability, sentiment and known words."""
    colour = colour_of(prediction)
    probability = Text(f"{prediction.positive_probability:.3f}", f"bold {colour}")
    return probability, Text(verdict_of(prediction), colour), known_words(prediction)


def _shown(review: str, vocabulary: Vocabulary) -> Text:
    """The review on one line, its unknown words dimmed."""
    text = Text(printable(review).replace("\n", " "), no_wrap=True, overflow="ellipsis")  # has the same offsets
    tokens = vocabulary.locate(review)
    for index in vocabulary.find([vocabulary.clean(review)]).unknown():
        text.stylize("dim", tokens[index].start, tokens[index].end)
    return text


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
