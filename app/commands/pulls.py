"""A review with its words coloured by their effect on its probability.

The rule is the playground's (app/pages/playground/pull.js). Terms overlap: "not good" covers "not" and "good", which
may be terms themselves. So the log-odds of a term are divided evenly among its occurrences, and those of an occurrence
among its words. The pull of a word is the sum of its shares; nothing is counted twice.
"""

from bisect import bisect_left
from collections.abc import Sequence

from rich.text import Text

from ..model.explanation import Effect, Explanation
from ..model.text import Token
from .messages import printable
from .tables import NEGATIVE, POSITIVE

FAINT, CLEAR, STRONG = 0.02, 0.1, 0.8
"""Minimum log-odds of a word for a colour, one sign, and two signs."""


def pulls_of(tokens: Sequence[Token], effects: Sequence[Effect]) -> list[float]:
    """Compute the log-odds that each word of a review adds, from all its tokens and all effects of its terms."""
    starts = [token.start for token in tokens]
    pulls = [0.0] * len(tokens)
    for effect in effects:
        for span in effect.occurrences:
            first, end = bisect_left(starts, span.start), bisect_left(starts, span.end)
            for index in range(first, end):
                pulls[index] += effect.log_odds / len(effect.occurrences) / (end - first)
    return pulls


def coloured(review: str, tokens: Sequence[Token], explanation: Explanation) -> Text:
    """Colour the words of a review, and append signs for terminals without colours."""
    shown = printable(review)  # has the same offsets
    unknown = {span.start for span in explanation.unknown_words}
    text = Text()
    done = 0
    for token, pull in zip(tokens, pulls_of(tokens, explanation.terms), strict=True):
        style = "dim" if token.start in unknown else style_of(pull)
        sign = ("⁺" if pull > 0 else "⁻") * ((abs(pull) >= CLEAR) + (abs(pull) >= STRONG))
        text.append(shown[done : token.start])
        text.append(shown[token.start : token.end] + sign, style)
        done = token.end
    return text.append(shown[done:].rstrip())


def style_of(pull: float) -> str:
    """The style of something that adds these log-odds."""
    if abs(pull) < FAINT:
        return "default"
    return ("bold " if abs(pull) >= STRONG else "") + (POSITIVE if pull > 0 else NEGATIVE)
