"""What a model should do with short, made-up texts: a checklist (Ribeiro et al., ACL 2020) and a grammar of negation.

Kinds of checks: `minimum`, plain texts with an obvious sentiment; `invariance`, changes that must not matter;
`direction`, words that must not push the wrong way; and templates for polar words: `plain`, `negated_positive`,
`negated_negative`, `contrast`.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


def _sentences(text: str) -> list[str]:
    return re.findall(r"\S[^.]*\.", text)


def words_of(text: str) -> list[str]:
    """List the words of a text."""
    return text.split()


POSITIVE = _sentences(
    """Loved it. A wonderful film. Superb acting and a moving story. I highly recommend this to everyone.
    One of the best movies I have ever seen. Funny, charming and beautifully made. Not bad at all.
    I was not disappointed. An excellent cast in a great story. This is a must see. Perfect from start to finish.
    My favorite film of all time."""
)
NEGATIVE = _sentences(
    """Hated it. Not good. A terrible film. Awful acting and a boring story. I would not recommend this to anyone.
    One of the worst movies I have ever seen. Dull, predictable and badly made. A waste of time.
    I wanted my money back. I don't like this movie. This is not worth watching.
    It could have been great, but it was a mess."""
)
CARRIERS = _sentences(
    """The film is about a dog. I saw this last night with a friend. Loved it. A waste of time.
    The story has some good moments and some bad ones."""
)
GOOD_WORDS = ("excellent", "superb", "wonderful", "perfect")
BAD_WORDS = ("terrible", "awful", "worst", "boring")

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

TEMPLATE_WORDS = {
    "positive": words_of(
        """splendid delightful engaging clever touching gripping hilarious enjoyable refreshing terrific thrilling
        fascinating stunning witty inspiring captivating heartwarming memorable fantastic marvelous"""
    ),
    "negative": words_of(
        """tedious dreadful lousy clumsy tiresome annoying pathetic bland stupid forgettable lame pointless silly
        ridiculous unfunny horrible laughable mediocre shallow pretentious"""
    ),
}
"""Words for TEMPLATES. Training on made-up texts leaves them out, so that the checks measure grammar, not memory."""

TEMPLATES = {
    "plain": {
        "positive": "This film is {pos}. A {pos} film. The acting was {pos}. {pos}.",
        "negative": "This film is {neg}. A {neg} film. The acting was {neg}. {neg}.",
    },
    "negated_positive": {
        "negative": """This is not a {pos} film. The story is not {pos}. It isn't {pos}. The acting was never {pos}.
            I did not find it {pos}.""",
    },
    "negated_negative": {
        "positive": """This is not a {neg} film. The story is not {neg}. It isn't {neg}. It isn't {neg} at all.
            The acting was never {neg}. I did not find it {neg}.""",
    },
    "contrast": {
        "positive": """The acting is {neg}, but the film is {pos}. Not a {neg} film, but a {pos} one.
            I expected something {neg}, but it is {pos} and {pos2}.""",
        "negative": """The acting is {pos}, but the film is {neg}. Not a {pos} film, but a {neg} one.
            It is {pos} at first, but the ending is {neg}: a {neg2} film.""",
    },
}
"""Kind -> sentiment -> templates of texts with that sentiment."""


class Check(NamedTuple):
    """An expectation: whether the scores of some texts, in order, are as they should be."""

    kind: str
    texts: tuple[str, ...]
    holds: Callable[[list[float]], bool]


def is_positive(scores: list[float]) -> bool:
    """Whether a text scores as positive."""
    return scores[0] > 0.5


def is_negative(scores: list[float]) -> bool:
    """Whether a text scores as negative."""
    return scores[0] < 0.5


def checks() -> Iterator[Check]:
    """Every check."""
    yield from (Check("minimum", (text,), is_positive) for text in POSITIVE)
    yield from (Check("minimum", (text,), is_negative) for text in NEGATIVE)
    for text in POSITIVE + NEGATIVE:
        for change in CHANGES:
            yield Check("invariance", (text, change(text)), lambda p: abs(p[0] - p[1]) < NEARLY)
        for one, other in NAMES:
            texts = (f"{one} saw this. {text}", f"{other} saw this. {text}")
            yield Check("invariance", texts, lambda p: abs(p[0] - p[1]) < NAME_TOLERANCE)
    for text in CARRIERS:
        for word in GOOD_WORDS:
            yield Check("direction", (text, f"{text} {word.capitalize()}."), lambda p: p[1] >= p[0])
        for word in BAD_WORDS:
            yield Check("direction", (text, f"{text} {word.capitalize()}."), lambda p: p[1] <= p[0])
    for kind, by_sentiment in TEMPLATES.items():
        for sentiment, templates in by_sentiment.items():
            holds = is_positive if sentiment == "positive" else is_negative
            yield from (Check(kind, (text,), holds) for template in _sentences(templates) for text in _filled(template))


def _filled(template: str) -> Iterator[str]:
    positive, negative = TEMPLATE_WORDS.values()
    for i, (pos, neg) in enumerate(zip(positive, negative, strict=True)):
        text = template.format(pos=pos, neg=neg, pos2=positive[i - 1], neg2=negative[i - 1])
        yield re.sub(r"\b(a) (?=[aeiou])", r"\1n ", text[0].upper() + text[1:], flags=re.IGNORECASE)


def behaviour(predict: Callable[[list[str]], list[float]]) -> dict[str, Any]:
    """Run every check; `predict` estimates the probabilities of texts, in order.

    Returns:
        For each kind the numbers of checks and of those that passed; and the failures with their scores.
    """
    every = list(checks())
    probabilities = iter(predict([text for check in every for text in check.texts]))
    kinds: dict[str, dict[str, int]] = {}
    failures: list[dict[str, Any]] = []
    for check in every:
        given = [next(probabilities) for _ in check.texts]
        passed = check.holds(given)
        kind = kinds.setdefault(check.kind, {"checks": 0, "passed": 0})
        kind["checks"] += 1
        kind["passed"] += passed
        if not passed:
            failures.append({"kind": check.kind, "texts": list(check.texts), "probabilities": given})
    return {"kinds": kinds, "failures": failures}
