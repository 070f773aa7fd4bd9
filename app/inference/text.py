"""The tokeniser, which training and serving share.

The rule is that of Keras's text preprocessing, which the IMDB word index was built with (Chollet, *Deep Learning with
Python*, 3.4): lower-case, turn each filtered character into a space, split. The apostrophe is not filtered. In
addition, typographic forms such as curly quotes behave like their ASCII counterparts, and every Unicode white-space
character is a separator, so that a Windows line ending or a no-break space never becomes part of a word.

On request, HTML tags are separators too: the IMDB reviews contain `<br />` and `<i>`, whose names are not words.

Cost: 13 us per review (docs/explanation/performance.md).
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

FILTERED = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""Characters that separate tokens (Keras's default filters)."""

# Each ends with the control characters that the same signs become when Windows-1252 is decoded as Latin-1; the IMDB
# reviews contain about two thousand of them.
APOSTROPHES = "\u2018\u2019\u201a\u201b\u02bc\u2032\uff07" + "\x91\x92"
SEPARATORS = (
    "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"  # quotation marks
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # hyphens, dashes, minus
    "\u2026\u2022\u00b7"  # ellipsis, bullets
    "\x93\x94\x96\x97\x85\x95"
)

Markup = Literal["text", "separator"]
"""What HTML tags are: text like any other, or separators."""

# Common elements with proper attributes only, because `<Loved it.>` and `<3` are text. An attempt to match never passes
# another "<", and never tries two ways to read the same characters, so the time is linear.
TAG = re.compile(
    r"</?(?:a|b|big|blockquote|br|center|code|dd|div|dl|dt|em|font|h[1-6]|hr|i|img|li|ol|p|pre|q|s|small|span|strike"
    r"|strong|sub|sup|table|td|th|tr|tt|u|ul)"
    r"""(?:\s++[a-z][a-z0-9:_-]*+\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s"'<>]++))*+\s*+/?>""",
    re.ASCII | re.IGNORECASE,
)
"""An HTML tag, such as `<br />`, `</p>` or `<a href="x">`."""


class Token(NamedTuple):
    """A token and its position in a text.

    Attributes:
        text: As `tokenise` returns it.
        start: Index of its first character, in code points.
        end: Index after its last character.
    """

    text: str
    start: int
    end: int


@lru_cache
def _rules(kept: str) -> tuple[re.Pattern[str], re.Pattern[str], bytes]:
    """Prepare an encoding: patterns for apostrophes and non-ASCII separators, and a table for ASCII."""
    apostrophes, separators = (
        re.compile(f"[{re.escape(''.join(sign for sign in signs if sign not in kept))}]")
        for signs in (APOSTROPHES, SEPARATORS)
    )
    table = bytes(ord(" ") if chr(code) in FILTERED and chr(code) not in kept else code for code in range(256))
    return apostrophes, separators, table


def tokenise(text: str, kept: str = "", markup: Markup = "text") -> list[str]:
    """Split a review into lower-case tokens.

    Args:
        text: Any text of any length, including unpaired surrogates.
        kept: Punctuation marks that are tokens instead of separators, for example `"!?"`.
        markup: Whether the tag `<br />` is the word `br`, or only separates words.

    Returns:
        The tokens in order; none of them is empty or contains white space.
    """
    text = _separated(_without_tags(text, markup, " ").lower(), kept)
    for sign in kept:
        text = text.replace(sign, f" {sign} ")
    return text.split()


def locate(text: str, kept: str = "", markup: Markup = "text") -> list[Token]:
    """Split a review into tokens with their positions.

    Args:
        text: See `tokenise`.
        kept: See `tokenise`.
        markup: See `tokenise`.

    Returns:
        The tokens of `tokenise`, in order; `text[token.start : token.end]` is the text of the token in the review.
    """
    text = _without_tags(text, markup, lambda tag: " " * len(tag[0]))
    lower = text.lower()
    origin: Sequence[int] = range(len(text))  # lower-case character -> its character in the review
    if len(lower) != len(text):  # a character may become several lower-case ones, which share its position
        origin = [index for index, character in enumerate(text) for _ in character.lower()]
    separated = _separated(lower, kept)  # one character for each lower-case one
    pattern = re.compile(f"[{re.escape(kept)}]|[^\\s{re.escape(kept)}]+" if kept else r"\S+")
    return [
        Token(match[0], origin[match.start()], origin[match.end() - 1] + 1) for match in pattern.finditer(separated)
    ]


def _without_tags(text: str, markup: Markup, space: str | Callable[[re.Match[str]], str]) -> str:
    return TAG.sub(space, text) if markup == "separator" and "<" in text else text


def _separated(lower: str, kept: str) -> str:
    """Replace separators with white space and apostrophes with the ASCII one, character by character."""
    apostrophes, separators, table = _rules(kept)
    if not lower.isascii():
        lower = separators.sub(" ", apostrophes.sub("'", lower))
    # `bytes.translate` takes less than a tenth of the time of `str.translate`; the table leaves the bytes of longer
    # UTF-8 sequences alone.
    return lower.encode("utf-8", "surrogatepass").translate(table).decode("utf-8", "surrogatepass")
