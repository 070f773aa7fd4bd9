"""Predictions as a table for people, or as lines for other programs."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.inference.classifier import Prediction
from app.terminal.printable import one_line
from app.terminal.screen import bar_of, colour_of

WIDE, NARROW = 72, 45
"""Characters a line from which there is room for bars, and for more than probability, sentiment and review."""
FEWEST_KNOWN, LEAST_KNOWN = 4, 1 / 5
"""Known words, and their share, below which a probability means little: the rule of the service's page
(app/playground/verdict.js). The bundle leaves words out on purpose, 44 % of a usual review; none of its 25,000 training
reviews had less than a fifth known (models/imdb/2/profile.json), so beyond it nobody knows how good the answers are."""
BEGINNING = 300
"""Characters of a review that are looked at; a terminal has room for fewer."""


def line_of(prediction: Prediction, review: str) -> str:
    """A prediction for programs: probability, sentiment, words, known words, review; with tabs between them.

    The review is on one line and holds no tab, so that the number of fields never changes.
    """
    return "\t".join(
        [
            f"{prediction.positive_probability:.6f}",
            prediction.sentiment,
            str(prediction.words),
            str(prediction.known_words),
            one_line(review),
        ]
    )


def table_of(predictions: Sequence[Prediction], reviews: Sequence[str], screen: Console) -> Table:
    """Predictions for people, as wide as the terminal."""
    table = new_table()
    numbered = len(reviews) > 1
    wide = screen.width >= WIDE
    if numbered:
        table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("positive", justify="right", no_wrap=True)
    if wide:
        table.add_column("", no_wrap=True)
    table.add_column("sentiment", no_wrap=True)
    if screen.width >= NARROW:
        table.add_column("known words" if wide else "known", justify="right", no_wrap=True)
    table.add_column("review")  # its cells alone may be cut where the terminal is too narrow
    for number, (prediction, review) in enumerate(zip(predictions, reviews, strict=True), 1):
        probability = prediction.positive_probability
        colour = colour_of(probability)
        cells = [
            Text(f"{probability:.3f}", f"bold {colour}"),
            *([bar_of(probability, screen)] if wide else []),
            Text(prediction.sentiment, colour),
            *([known_words(prediction, wide)] if screen.width >= NARROW else []),
            Text(one_line(review[:BEGINNING]), no_wrap=True, overflow="ellipsis"),
        ]
        table.add_row(*([Text(str(number))] if numbered else []), *cells)
    return table


def new_table() -> Table:
    """A table as all of them look: a line below the head, two spaces between the columns."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def known_words(prediction: Prediction, wide: bool = True) -> Text:
    """How much of a review the model could read; in yellow where it is so little that the probability means little."""
    between = " of " if wide else "/"
    few = prediction.known_words < max(FEWEST_KNOWN, prediction.words * LEAST_KNOWN)
    return Text(f"{prediction.known_words}{between}{prediction.words}", "yellow" if few else "")
