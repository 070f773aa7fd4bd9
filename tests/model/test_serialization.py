"""The JSON of responses, byte for byte: clients that compare or hash it notice another order of the fields."""

from dataclasses import replace
from typing import Any

from app.model.explanation import Effect, Explanation, RemainingTerms, Sentence, Span
from app.model.prediction import Prediction, Reason
from app.model.serialization import explanation_json, explanations_json, predictions_json

PREDICTION = b'"positive_probability":0.75,"sentiment":"positive","uncertain":false,"words":5,"known_words":4'
NOT = b'{"terms":["not"],"log_odds":-1.5,"probability":-0.25,"positive_probability_without":1.0,'
NOT += b'"occurrences":[{"start":0,"end":3},{"start":8,"end":11}]}'
GOOD = b'{"terms":["good","fine"],"log_odds":0.5,"probability":0.125,"positive_probability_without":0.625,'
GOOD += b'"occurrences":[{"start":4,"end":8}]}'
SENTENCES = b'"sentences":[{%b,"start":0,"end":15}]' % PREDICTION


def explanation() -> Explanation:
    terms = [
        Effect(["not"], -1.5, -0.25, 1.0, [Span(0, 3), Span(8, 11)]),
        Effect(["good", "fine"], 0.5, 0.125, 0.625, [Span(4, 8)]),
    ]
    unknown = [Span(12, 15)]
    prediction: dict[str, Any] = {
        "positive_probability": 0.75,
        "sentiment": "positive",
        "uncertain": False,
        "words": 5,
        "known_words": 4,
    }
    sentences = [Sentence(**prediction, start=0, end=15)]
    rest = RemainingTerms(0, 0, 0)
    return Explanation(**prediction, log_odds=1.25, terms=terms, rest=rest, unknown_words=unknown, sentences=sentences)


def test_predictions_json_is_a_response_without_spaces() -> None:
    prediction = Prediction(0.75, "positive", False, 5, 4)
    expected = b'{"model":{"name":"imdb","version":"3"},"predictions":[{%b},{%b}]}' % (PREDICTION, PREDICTION)
    assert predictions_json("imdb", "3", [prediction, prediction]) == expected
    reason = b'{"terms":["not"],"log_odds":-1.5,"probability":-0.25,"positive_probability_without":1.0}'
    reasoned = replace(prediction, terms=[Reason(["not"], -1.5, -0.25, 1.0)])
    expected = b'{"model":{"name":"imdb","version":"3"},"predictions":[{%b,"terms":[%b]}]}' % (PREDICTION, reason)
    assert predictions_json("imdb", "3", [reasoned]) == expected


def test_explanation_json_lists_all_terms_or_the_top_ones_and_the_rest() -> None:
    expected = b'{%b,"terms":[%b],"log_odds":1.25,"rest":%b,"unknown_words":[{"start":12,"end":15}],%b}'
    nothing = b'{"terms":0,"log_odds":0.0,"probability":0.0}'
    every = expected % (PREDICTION, NOT + b"," + GOOD, nothing, SENTENCES)
    assert explanation_json(explanation()) == explanation_json(explanation(), top=2) == every
    rest = b'{"terms":1,"log_odds":0.5,"probability":0.125}'
    assert explanation_json(explanation(), top=1) == expected % (PREDICTION, NOT, rest, SENTENCES)
    response = b'{"model":{"name":"imdb","version":"3"},"explanations":[%b,%b]}' % (every, every)
    assert explanations_json("imdb", "3", [every, every]) == response
