"""The `score` command: predictions as a table on a terminal, as tab-separated lines elsewhere, or as JSON."""

from collections.abc import Sequence
from itertools import compress

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ..bundles.opening import open_classifier
from ..bundles.reading import Bundle, load_bundles
from ..model.prediction import Prediction
from ..model.serialization import predictions_json
from ..model.vocabulary import Vocabulary
from . import options as opt
from .messages import one_line, printable
from .reviews import read_reviews
from .tables import MAX_SHOWN, known_words, line_of, named, new_table, verdict_of


def run(
    reviews: opt.Reviews = None,
    file: opt.Files = None,
    whole: opt.Whole = False,
    explain: opt.Explain = 0,
    as_json: opt.AsJson = False,
    runtime: opt.Runtime = None,
    model_dir: opt.ModelDir = None,
    model_version: opt.ModelVersions = None,
) -> None:
    """Score reviews.

    For example:

        python -m app score "A superb film." "A dull waste of time."
        python -m app score --file reviews.txt
        echo "A superb film." | python -m app score -
        python -m app score -- "-- not my film"
        python -m app score --model-version 1 --model-version 3 "Not bad at all."
        python -m app score --explain 3 "A superb cast, but not a good film."

    Prints a table on a terminal, in which unknown words are dim. Otherwise prints tab-separated lines: probability,
    sentiment, uncertain (true or false), words, known words, review. `--json` prints what `POST /predict` returns.
    `--explain` adds a column or, after the review, a field with the terms and their log-odds.

    Several versions are compared: each has its own row or line, and `--json` prints one line per version.
    """
    settings = opt.load_settings(runtime=runtime, model_dir=model_dir, model_version=model_version)
    texts = read_reviews(reviews, file, whole, settings, explaining=False)
    bundles = load_bundles(settings.model_dir, settings.model_version)
    predictions = [open_classifier(bundle, settings.command_runtime).predict(texts, explain) for bundle in bundles]
    console = Console()
    if as_json:
        for bundle, found in zip(bundles, predictions, strict=True):
            typer.echo(predictions_json(bundle.manifest.name, bundle.manifest.version, found))
    elif console.is_terminal:
        console.print(_table(texts, bundles, predictions, explain > 0))
        console.print(Text(one_line(f"predicted by {', '.join(map(named, bundles))}"), "dim"), soft_wrap=True)
    else:
        for review, *found in zip(texts, *predictions, strict=True):
            for bundle, prediction in zip(bundles, found, strict=True):
                line = (bundle.manifest.version, line_of(prediction, review), one_line(prediction.reasons))
                typer.echo("\t".join(compress(line, (len(bundles) > 1, True, explain > 0))))


def _table(
    reviews: Sequence[str], bundles: Sequence[Bundle], predictions: Sequence[Sequence[Prediction]], explained: bool
) -> Table:
    """One row per review; with several versions, one per review and version."""
    several = len(bundles) > 1
    wanted = (True, several, True, True, True, explained, True)
    sentiment, reasons = Column("sentiment", no_wrap=True), Column("reasons", no_wrap=True)
    columns: Sequence[Column | str] = ("#", "version", "positive", sentiment, "known words", reasons, "review")
    table = new_table(*compress(columns, wanted))
    for number, (review, *found) in enumerate(zip(reviews, *predictions, strict=True), 1):
        for bundle, prediction in zip(bundles, found, strict=True):
            row: Sequence[str | Text] = (
                f"{number}" if bundle is bundles[0] else "",
                bundle.manifest.version,
                *verdict_of(prediction),
                known_words(prediction),
                Text(one_line(prediction.reasons).replace("; ", "\n")),
                _shown(review[:MAX_SHOWN], bundle.vocabulary),
            )
            table.add_row(*compress(row, wanted))
        if several:
            table.add_section()
    return table


def _shown(review: str, vocabulary: Vocabulary) -> Text:
    """The review on one line, its unknown words dimmed."""
    text = Text(printable(review).replace("\n", " "), no_wrap=True, overflow="ellipsis")  # has the same offsets
    tokens = vocabulary.locate(review)
    for index in vocabulary.find([vocabulary.clean(review)]).unknown():
        text.stylize("dim", tokens[index].start, tokens[index].end)
    return text
