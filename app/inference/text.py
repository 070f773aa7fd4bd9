"""From raw text to tokens: the one tokeniser that training and serving share.

The rule is that of Keras's text preprocessing, which the IMDB word index was built with (Chollet, *Deep Learning with
Python*, 3.4): lower-case, turn each filtered character into a space, split. The apostrophe is not filtered. On top of
it, the typographic forms that people's keyboards produce behave like their ASCII counterparts, and every Unicode
white-space character separates, so that a Windows line end or a no-break space never sticks to a word.
"""

import re
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

FILTERED = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""Characters that separate tokens (Keras's default filters)."""

# The second half of each are the C1 controls that text decoded as Latin-1 instead of Windows-1252 shows for the same
# signs; the IMDB reviews hold some two thousand of them.
APOSTROPHES = "\u2018\u2019\u201a\u201b\u02bc\u2032\uff07" + "\x91\x92"
SEPARATORS = (
    "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"  # quotation marks
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # hyphens, dashes, minus
    "\u2026\u2022\u00b7"  # ellipsis, bullets
    "\x93\x94\x96\x97\x85\x95"
)


BLANK = "A review must hold text, this one is blank"
"""What everyone is told who sends one without."""


def is_blank(review: str) -> bool:
    """Whether there is nothing to read."""
    return not review or review.isspace()


class Token(NamedTuple):
    """A token, and where a text holds it.

    Attributes:
        text: As `tokenise` returns it.
        start: Of its first character in the text, in code points.
        end: Behind its last one.
    """

    text: str
    start: int
    end: int


@lru_cache
def _rules(kept: str) -> tuple[re.Pattern[str], re.Pattern[str], bytes]:
    """Prepare for an encoding: its apostrophes, its separators beyond ASCII, a table for all ASCII."""
    apostrophes, separators = (
        re.compile(f"[{re.escape(''.join(sign for sign in signs if sign not in kept))}]")
        for signs in (APOSTROPHES, SEPARATORS)
    )
    table = bytes(ord(" ") if chr(code) in FILTERED and chr(code) not in kept else code for code in range(256))
    return apostrophes, separators, table


def tokenise(text: str, kept: str = "") -> list[str]:
    """Split a review into lower-case tokens.

    Args:
        text: Any text, of any length, unpaired surrogates included; markup is not special (`<br />` is the word `br`).
        kept: Punctuation that counts as a token instead of separating, for example `"!?"`.

    Returns:
        The tokens in order, none of them empty or with white space in it.
    """
    text = _separated(text.lower(), kept)
    for sign in kept:
        text = text.replace(sign, f" {sign} ")
    return text.split()


def locate(text: str, kept: str = "") -> list[Token]:
    """Do the same, and say where the tokens are.

    Args:
        text: As for `tokenise`.
        kept: As for `tokenise`.

    Returns:
        The tokens of `tokenise`, in order; `text[token.start : token.end]` is what became the token.
    """
    # A character may become several lower-case ones, each of which begins where it does.
    ends = list(accumulate(len(character.lower()) for character in text))
    origin = [index for index, end in enumerate(ends) for _ in range(end - (ends[index - 1] if index else 0))]
    separated = _separated(text.lower(), kept)  # one character for each lower-case one
    pattern = re.compile(f"[{re.escape(kept)}]|[^\\s{re.escape(kept)}]+" if kept else r"\S+")
    return [
        Token(match[0], origin[match.start()], origin[match.end() - 1] + 1) for match in pattern.finditer(separated)
    ]


def _separated(lower: str, kept: str) -> str:
    """Replace what separates tokens by white space, and apostrophes by the ASCII one, character by character."""
    apostrophes, separators, table = _rules(kept)
    if not lower.isascii():
        lower = separators.sub(" ", apostrophes.sub("'", lower))
    # `bytes.translate` takes less than a tenth of `str.translate`'s time; no byte of a longer UTF-8 sequence is in the
    # table.
    return lower.encode("utf-8", "surrogatepass").translate(table).decode("utf-8", "surrogatepass")
