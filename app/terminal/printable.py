"""Untrusted text on a terminal: displayed, never interpreted."""

JOINERS = "\u200c\u200d"
"""Harmless format characters that emoji and some scripts need."""


def printable(text: str) -> str:
    """Replace control, format and unassigned characters, so that no review can control the terminal.

    Line endings stay, other white space becomes a space, and the length does not change.
    """
    return "".join(
        c if c.isprintable() or c == "\n" or c in JOINERS else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in text
    )


def one_line(text: str) -> str:
    """Return the printable text on one line, with single spaces."""
    return " ".join(printable(text).split())
