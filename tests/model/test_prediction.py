"""What a prediction says, and when it is uncertain."""

import pytest

from app.model.prediction import UncertaintyRule, prediction_of

RULE = UncertaintyRule(above=0.25, below=0.75, min_known_words=4, min_known_share=0.2)


def test_sentiment_at_one_half_is_positive() -> None:
    assert prediction_of(0.5, 1, 1, RULE).sentiment == "positive"
    assert prediction_of(0.4999, 1, 1, RULE).sentiment == "negative"


@pytest.mark.parametrize(
    ("probability", "words", "known_words", "uncertain"),
    [
        (0.9, 10, 10, False),
        (0.25, 10, 10, False),
        (0.2501, 10, 10, True),
        (0.5, 10, 10, True),
        (0.7499, 10, 10, True),
        (0.75, 10, 10, False),
        (0.9, 4, 4, False),
        (0.9, 3, 3, True),
        (0.9, 20, 4, False),
        (0.9, 21, 4, True),
        (0.9, 0, 0, True),
    ],
)
def test_rule_applies_between_its_bounds_or_with_few_known_words(
    probability: float, words: int, known_words: int, uncertain: bool
) -> None:
    assert RULE.applies(probability, words, known_words) is uncertain
    lenient = UncertaintyRule(above=0.5, below=0.5, min_known_words=0, min_known_share=0)
    assert lenient.applies(probability, words, known_words) is (words == 0)
