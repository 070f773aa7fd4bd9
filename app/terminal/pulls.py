"""A review with its words coloured by what they do to its probability.

The rule is that of the service's page (app/playground/pull.js). Terms overlap: "not good" covers "not" and "good",
which may be terms themselves. So each term's log-odds are shared out evenly among its occurrences, and of each
occurrence among its words. A word's pull is the sum of its shares, and nothing is counted twice.
"""

from bisect import bisect_left
from collections.abc import Sequence

from rich.text import Text

from app.inference.explanation import Effect, Explanation
from app.inference.text import Token
from app.terminal.printable import printable
from app.terminal.screen import NEGATIVE, POSITIVE

FAINTEST = 0.02
"""Log-odds; less is not worth a colour."""
CLEAR, STRONG = 0.1, 0.8
"""Log-odds that get a sign behind the word, and two."""
UNKNOWN = "dim"
ASCII_SIGNS = {"⁺": "+", "⁻": "-"}


def pulls_of(tokens: Sequence[Token], effects: Sequence[Effect]) -> list[float]:
    """What each word of a review adds to its log-odds.

    Args:
        tokens: Of the review, in order.
        effects: Of its terms, all of them.
    """
    starts = [token.start for token in tokens]
    pulls = [0.0] * len(tokens)
    for effect in effects:
        for span in effect.occurrences:
            first, end = bisect_left(starts, span.start), bisect_left(starts, span.end)
            for index in range(first, end):
                pulls[index] += effect.log_odds / len(effect.occurrences) / (end - first)
    return pulls


def coloured(review: str, tokens: Sequence[Token], explanation: Explanation, signs: bool = True) -> Text:
    """A review with its words coloured; signs behind them say the same without colours.

    Args:
        review: As it is.
        tokens: Of it, in order.
        explanation: Of it.
        signs: Whether the terminal's encoding has superscripts.
    """
    shown = printable(review)  # the same offsets
    unknown = {span.start for span in explanation.unknown_words}
    text = Text(end="")
    done = 0
    for token, pull in zip(tokens, pulls_of(tokens, explanation.effects), strict=True):
        text.append(shown[done : token.start])
        text.append(shown[token.start : token.end], UNKNOWN if token.start in unknown else _style(pull))
        sign = _sign(pull)
        text.append(sign if signs else "".join(map(ASCII_SIGNS.__getitem__, sign)), _style(pull))
        done = token.end
    text.append(shown[done:])
    text.rstrip()
    return text


def _style(pull: float) -> str:
    if abs(pull) < FAINTEST:
        return ""
    colour = POSITIVE if pull > 0 else NEGATIVE
    return f"bold {colour}" if abs(pull) >= STRONG else colour


def _sign(pull: float) -> str:
    times = 2 if abs(pull) >= STRONG else 1 if abs(pull) >= CLEAR else 0
    return ("⁺" if pull > 0 else "⁻") * times
