"""The tokeniser, which training and serving share.

`clean` applies the rule: it turns a text into bytes in which each separator is one space. `tokenise`, `locate` and
`Vocabulary`, which finds the columns of terms, read these bytes. `sentences` splits the text itself.

The rule is that of Keras's text preprocessing, which the IMDB word index was built with (Chollet, *Deep Learning with
Python*, 3.4): lower-case, turn each filtered character into a space, split. The apostrophe is not filtered. In
addition, typographic forms such as curly quotes behave like their ASCII counterparts, and every Unicode white-space
character is a separator, so that a Windows line ending or a no-break space never becomes part of a word.

On request, HTML tags are separators too: the IMDB reviews contain `<br />` and `<i>`, whose names are not words.
"""

import re
from collections.abc import Callable, Iterable, Sequence
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
SPACES = (
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""White space beyond ASCII."""

UTF_8 = "utf-8", "surrogatepass"
"""How texts become bytes and back: UTF-8 that also encodes unpaired surrogates. The byte 0xFF never occurs in it."""

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


# Of a run of white space only the start is tried, so that the time is linear here as well.
SENTENCE_END = re.compile(
    rf"(?:(?<!\s)\s++)?{TAG.pattern}(?:\s*+{TAG.pattern})*+|(?<=[.!?])[\"')\]]*+\s++|\n++", TAG.flags
)
"""What separates two sentences: tags, the white space after a full stop, question or exclamation mark, with any closing
quotes or brackets in between, or line breaks. The recipe `best` cuts reviews at all of these places, so a change here
changes what it trains on; `sentences` makes exceptions for abbreviations."""

CLOSING = "\"')]"
"""Marks that belong to the sentence before them."""

ABBREVIATION = re.compile(r"(?:^|[\s(\"'.-])(?:[A-HJ-Z]|[Mm]rs?|[Mm]s|[Dd]r|[Pp]rof|[Ss]t|vs|e\.g|i\.e)\.$")
"""Initials and other words whose full stop does not end a sentence."""


class Token(NamedTuple):
    """A token as `tokenise` returns it, and where it starts and ends in the text, in code points."""

    text: str
    start: int
    end: int


@lru_cache
def _rules(kept: str) -> tuple[list[tuple[str, str]], bytes, list[tuple[bytes, bytes]]]:
    """Prepare an encoding: replacements beyond ASCII, a table for ASCII, and replacements that isolate kept marks."""
    signs = dict.fromkeys(APOSTROPHES, "'") | dict.fromkeys(SEPARATORS, " ")
    replacements = [(sign, plain) for sign, plain in signs.items() if sign not in kept]
    replacements += [(space, " ") for space in SPACES]
    separators = set(FILTERED) - set(kept)
    ascii_ = "".join(" " if sign in separators or sign.isspace() else sign.lower() for sign in map(chr, range(128)))
    isolated = [(sign.encode(*UTF_8), f" {sign} ".encode(*UTF_8)) for sign in kept]
    return replacements, ascii_.encode() + bytes(range(128, 256)), isolated


def clean(text: str, kept: str = "", markup: Markup = "text") -> bytes:
    """Convert a review to lower-case tokens that are separated by spaces.

    Args:
        text: Any text of any length, including unpaired surrogates.
        kept: Punctuation marks that are tokens instead of separators, for example `"!?"`.
        markup: Whether the tag `<br />` is the word `br`, or only separates words.

    Returns:
        UTF_8. The spaces, of which there may be several in a row, are the only white space.
    """
    cleaned = _separated(_without_tags(text, markup, " "), kept)
    for mark, isolated in _rules(kept)[2]:
        cleaned = cleaned.replace(mark, isolated)
    return cleaned


def joined(tokens: Iterable[str]) -> bytes:
    """Join the tokens of a review to a text as `clean` returns it."""
    return " ".join(tokens).encode(*UTF_8)


def tokenise(text: str, kept: str = "", markup: Markup = "text") -> list[str]:
    """Split what `clean` returns for these arguments into tokens, in order; none is empty or contains white space."""
    return clean(text, kept, markup).decode(*UTF_8).split()


def locate(text: str, kept: str = "", markup: Markup = "text") -> list[Token]:
    """Find where the tokens of `tokenise` are: `text[token.start : token.end]` is the text of a token in the review."""
    text = _without_tags(text, markup, lambda tag: " " * len(tag[0]))
    origin: Sequence[int] = range(len(text))  # lower-case character -> its character in the review
    if len(text.lower()) != len(text):  # a character may become several lower-case ones, which share its position
        origin = [index for index, character in enumerate(text) for _ in character.lower()]
    separated = _separated(text, kept).decode(*UTF_8)  # one character for each lower-case one
    tokens = []
    end = 0
    for token in tokenise(text, kept):
        start = separated.index(token, end)  # nothing but spaces is before it
        end = start + len(token)
        tokens.append(Token(token, origin[start], origin[end - 1] + 1))
    return tokens


def sentences(text: str) -> list[tuple[int, int]]:
    """Find where the sentences of any text start and end, in code points.

    White space and tags between sentences belong to none of them, and neither do marks alone, such as a row of stars:
    each sentence has a letter or a digit.
    """
    found = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        stop = match.end() - len(match[0].lstrip(CLOSING))
        within_line = "\n" not in match[0] and "<" not in match[0]
        if not (within_line and _continues(text[max(start, stop - 6) : stop], text[match.end() : match.end() + 1])):
            found.append((start, stop))
            start = match.end()
    found.append((start, len(text)))
    return [_stripped(text, *span) for span in found if any(map(str.isalnum, text[slice(*span)]))]


def _continues(before: str, after: str) -> bool:
    """Whether a sentence continues after an abbreviation, or after an ellipsis in its middle."""
    return bool(ABBREVIATION.search(before)) or (before.endswith("...") and after.islower())


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space around a part of a text."""
    part = text[start:end]
    return end - len(part.lstrip()), start + len(part.rstrip())


def _without_tags(text: str, markup: Markup, space: str | Callable[[re.Match[str]], str]) -> str:
    return TAG.sub(space, text) if markup == "separator" and "<" in text else text


def _separated(text: str, kept: str) -> bytes:
    """Convert to lower case, and replace separators and apostrophes, character by character."""
    replacements, table, _ = _rules(kept)
    if not text.isascii():
        text = text.lower()
        for sign, plain in replacements:  # faster than a regular expression
            text = text.replace(sign, plain)
    return text.encode(*UTF_8).translate(table)  # the table leaves the bytes of longer UTF-8 sequences alone
