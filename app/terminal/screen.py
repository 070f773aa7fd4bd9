"""What is written on: a terminal with colours, a terminal without, or something that is no terminal.

Blue is positive and orange negative, as on the service's page: colour-blind people tell them apart, too. Signs and
words say the same as the colours do.
"""

import sys
from io import TextIOWrapper

from rich.console import Console
from rich.text import Text

POSITIVE, NEGATIVE, UNCERTAIN = "dodger_blue1", "dark_orange", ""
SURE = 0.1
"""How far from 0.5 a probability gets a colour."""
BAR = 10
"""Cells of a bar."""


class Screen(Console):
    """A console whose closed pipe is the caller's to deal with; rich would end the process."""

    def on_broken_pipe(self) -> None:
        """See `Console`."""
        raise  # noqa: PLE0704  # it is called while the error is handled


def open_screen(errors: bool = False) -> Screen:
    """Open the standard output, or the standard error stream.

    `NO_COLOR`, `FORCE_COLOR`, `TERM` and `COLUMNS` are respected.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode gets a ? for what it cannot show
    # Nothing that is printed is markup, an emoji's name or code: text of others could be taken for it.
    return Screen(stderr=errors, markup=False, emoji=False, highlight=False)


def colour_of(probability: float) -> str:
    """The style of a probability in [0, 1]."""
    if abs(probability - 0.5) < SURE:
        return UNCERTAIN
    return POSITIVE if probability > 0.5 else NEGATIVE


def bar_of(probability: float, screen: Console) -> Text:
    """A probability as a bar, empty where the terminal's encoding has no signs for it."""
    if not screen.encoding.startswith("utf"):
        return Text()
    full = round(probability * BAR)
    return Text.assemble(("━" * full, colour_of(probability)), ("─" * (BAR - full), "dim"))
