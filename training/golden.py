"""Reviews that go into every bundle, with the probabilities that it gives them, to prove it whole when it is loaded.

Written for this purpose: no review of the data set may be published. They cover what a broken tokeniser or word index
would get wrong: case, markup, apostrophes, typographic signs, unknown words, no words at all.
"""

from collections.abc import Mapping, Sequence

from app.inference.bundle import Golden

REVIEWS = (
    "One of the best films I have seen in years. The acting is superb and the story moved me to tears.",
    "A complete waste of time. The plot makes no sense, the acting is awful and the jokes fall flat.",
    "I didn't like it, and I wouldn't watch it again.",
    "I didn\u2019t like it \u2014 and I wouldn\u2019t watch it again\u2026",
    "WONDERFUL! Truly wonderful!! A 10/10 for everyone involved.",
    "wonderful truly wonderful a 10 10 for everyone involved",
    "The first half is dull.<br /><br />The second half, however, is great fun.",
    "Not bad, not good either; it passes the time on a rainy evening.",
    "Qwxzy blorfed the grumbletwist.",
    "Boring",
    "Loved it.",
    "...!?",
    "Une \u0153uvre magnifique, un chef-d\u2019\u0153uvre absolu \U0001f600",
    "The director's earlier work was poor, but this one is an excellent, beautifully shot and touching drama.",
)


def own_texts(telling: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Texts for a bundle of other reviews, whose language may know no word of `REVIEWS`.

    They are put together from the bundle's most telling terms, so they say nothing that its word index does not, and
    every row differs from an empty one. No review is quoted.

    Args:
        telling: What `training.telling.telling_terms` returns.
    """
    good, bad = (list(telling[name][:8]) for name in ("positive", "negative"))
    mixed = [term for pair in zip(good, bad, strict=False) for term in pair]
    return (
        " ".join(good),
        " ".join(bad),
        " ".join(mixed).upper(),
        ", ".join(reversed(mixed)),
        "<br />".join(mixed[:6]),
        "\u201c" + " \u2014 ".join(mixed[:6]) + "\u2026\u201d",
        *good[:4],
        *bad[:4],
    )


def golden_reviews(texts: Sequence[str], probabilities: Sequence[float]) -> list[Golden]:
    """Pair texts with their probabilities, in order."""
    return [Golden(review=text, positive_probability=p) for text, p in zip(texts, probabilities, strict=True)]
