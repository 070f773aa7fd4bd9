"""What the model should do on short, made-up texts, as a checklist (Ribeiro et al., ACL 2020).

Three kinds of checks: plain texts whose sentiment nobody doubts; changes that must not matter; words that must not push
the wrong way. Each bundle's report says how many it passes and which it fails.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

POSITIVE = (
    "Loved it.",
    "A wonderful film.",
    "Superb acting and a moving story.",
    "I highly recommend this to everyone.",
    "One of the best movies I have ever seen.",
    "Funny, charming and beautifully made.",
    "Not bad at all.",
    "I was not disappointed.",
    "An excellent cast in a great story.",
    "This is a must see.",
    "Perfect from start to finish.",
    "My favorite film of all time.",
)
NEGATIVE = (
    "Hated it.",
    "Not good.",
    "A terrible film.",
    "Awful acting and a boring story.",
    "I would not recommend this to anyone.",
    "One of the worst movies I have ever seen.",
    "Dull, predictable and badly made.",
    "A waste of time.",
    "I wanted my money back.",
    "I don't like this movie.",
    "This is not worth watching.",
    "It could have been great, but it was a mess.",
)
CARRIERS = (
    "The film is about a dog.",
    "I saw this last night with a friend.",
    "The story has some good moments and some bad ones.",
    "Loved it.",
    "A waste of time.",
)
GOOD_WORDS = ("excellent", "superb", "wonderful", "perfect")
BAD_WORDS = ("terrible", "awful", "worst", "boring")


class Check(NamedTuple):
    """One thing that is expected.

    Attributes:
        kind: `minimum`, `invariance` or `direction`.
        texts: What has to be scored.
        holds: Whether the scores, in order, are as expected.
    """

    kind: str
    texts: tuple[str, ...]
    holds: Callable[[list[float]], bool]


CHANGES: tuple[Callable[[str], str], ...] = (
    str.upper,
    str.lower,
    lambda text: f"<{text}>",
    lambda text: text.replace("'", "\u2019").replace(" ", "\u00a0"),
    lambda text: f"  \u201c{text}\u201d \u2014 \r\n",
)
"""Changes of case, brackets, quotes, dashes and white space."""

NAMES = (("Anna", "Maria"), ("Tom", "Peter"))
NEARLY = 1e-6
NAME_TOLERANCE = 0.1
"""A name says a little about a film; it should not decide."""


def checks() -> Iterator[Check]:
    """Every check."""
    for text in POSITIVE:
        yield Check("minimum", (text,), lambda p: p[0] > 0.5)
    for text in NEGATIVE:
        yield Check("minimum", (text,), lambda p: p[0] < 0.5)
    for text in (*POSITIVE, *NEGATIVE):
        for change in CHANGES:
            yield Check("invariance", (text, change(text)), lambda p: abs(p[0] - p[1]) < NEARLY)
    for text in (*POSITIVE, *NEGATIVE):
        for one, other in NAMES:
            texts = (f"{one} saw this. {text}", f"{other} saw this. {text}")
            yield Check("invariance", texts, lambda p: abs(p[0] - p[1]) < NAME_TOLERANCE)
    for text in CARRIERS:
        for word in GOOD_WORDS:
            yield Check("direction", (text, f"{text} {word.capitalize()}."), lambda p: p[1] >= p[0])
        for word in BAD_WORDS:
            yield Check("direction", (text, f"{text} {word.capitalize()}."), lambda p: p[1] <= p[0])


def behaviour(score: Callable[[list[str]], list[float]]) -> dict[str, object]:
    """Run every check.

    Args:
        score: Texts to probabilities, in order.

    Returns:
        For each kind how many were made and passed, and the failures with their scores.
    """
    every = list(checks())
    scores = iter(score([text for check in every for text in check.texts]))
    kinds: dict[str, dict[str, int]] = {}
    failures: list[dict[str, object]] = []
    for check in every:
        given = [next(scores) for _ in check.texts]
        kind = kinds.setdefault(check.kind, {"checks": 0, "passed": 0})
        kind["checks"] += 1
        if check.holds(given):
            kind["passed"] += 1
        else:
            failures.append({"kind": check.kind, "texts": list(check.texts), "probabilities": given})
    return {"kinds": kinds, "failures": failures}
