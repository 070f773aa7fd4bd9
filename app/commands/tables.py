"""How predictions look: in tables on a terminal, and in tab-separated lines elsewhere.

Blue is positive and orange is negative, as in the playground, so that colour-blind people can tell them apart.
"""

from rich import box
from rich.table import Column, Table
from rich.text import Text

from ..bundles.reading import Bundle
from ..model.prediction import Prediction
from ..settings import PACKAGED_MODELS
from .messages import one_line

POSITIVE, NEGATIVE = "dodger_blue1", "dark_orange"
MAX_SHOWN = 300
"""Characters of a review; a terminal is not wider."""


def new_table(*columns: Column | str) -> Table:
    """An empty table with a line below its header."""
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def named(bundle: Bundle) -> str:
    """A bundle's name and version, with its folder unless it came with the package."""
    name = f"{bundle.manifest.name} {bundle.manifest.version}"
    return name if bundle.folder.parent == PACKAGED_MODELS else f"{name} ({bundle.folder})"


def line_of(prediction: Prediction, review: str) -> str:
    """A tab-separated line for programs: probability, sentiment, uncertain, words, known words, review."""
    decided = f"{prediction.positive_probability:.6f}\t{prediction.sentiment}\t{str(prediction.uncertain).lower()}"
    return f"{decided}\t{prediction.words}\t{prediction.known_words}\t{one_line(review)}"


def known_words(prediction: Prediction) -> str:
    """The number of known words, and of all."""
    return f"{prediction.known_words} of {prediction.words}"


def verdict_of(prediction: Prediction) -> tuple[Text, Text]:
    """The probability and the sentiment: coloured if certain, and neither of them without a known word."""
    if not prediction.known_words:
        return Text("–"), Text("cannot tell")
    shown = f"{prediction.positive_probability:.3f}"
    if prediction.uncertain:
        return Text(shown, "bold"), Text(f"uncertain ({prediction.sentiment})")
    colour = POSITIVE if prediction.sentiment == "positive" else NEGATIVE
    return Text(shown, f"bold {colour}"), Text(prediction.sentiment, colour)
