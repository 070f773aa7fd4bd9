"""Text of others on a terminal: shown, never obeyed.

A review may hold escape sequences that would move the cursor, recolour the screen or rename the window, and signs that
turn the direction of what follows. Nothing of that reaches the terminal.
"""

from unicodedata import category

JOINERS = "\u200c\u200d"
"""Harmless format characters that emoji and some scripts are written with."""

REPLACED = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Make a text harmless, character by character: as many come out as went in.

    Line ends stay. Other white space becomes spaces, C0 controls their pictures (ESC is `␛`); other controls, format
    characters, separators, surrogates and code points without a meaning become `\N{REPLACEMENT CHARACTER}`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable, text))


def one_line(text: str) -> str:
    """The same on one line, with single spaces: for tables and for tools that read lines."""
    return " ".join(printable(text).split())


def _printable(character: str) -> str:
    if character == "\n" or character in JOINERS or character.isprintable():
        return character
    if character.isspace():
        return " "
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\N{SYMBOL FOR DELETE}"
    return character if category(character) == "Co" else REPLACED
