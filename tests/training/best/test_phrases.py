"""Made-up phrases."""

import random

from training.behaviour import TEMPLATE_WORDS
from training.best.phrases import WORDS, make_phrases


def test_phrases_do_not_contain_the_words_that_test_them() -> None:
    phrases = make_phrases(5_000, {"good": 10_000}, random.Random(0))
    words = {word for text, _ in phrases for word in text.replace(",", " ").replace("!", " ").split()}
    assert not words & {word for group in TEMPLATE_WORDS.values() for word in group}
    assert len(words & {word for group in WORDS.values() for word in group}) > 300
    assert make_phrases(5_000, {"good": 10_000}, random.Random(0)) == phrases


def test_phrases_say_what_a_person_would() -> None:
    targets = dict(make_phrases(50_000, {"good": 100_000, "bad": 100_000}, random.Random(0)))
    assert targets["good"] > 0.8
    assert targets["bad"] < 0.2
    assert targets["not good"] < 0.2
    assert targets["not bad"] > 0.8
