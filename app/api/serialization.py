"""Predictions and explanations as JSON.

`app.api.schemas` documents the shapes, and tests compare the two; creating and validating its objects would cost more
than the model itself. The terminal writes the same JSON without importing a web framework.
"""

from collections.abc import Sequence

from pydantic_core import to_json

from app.inference.explanation import Explanation, Span
from app.inference.prediction import Prediction


def predictions_json(model: str, version: str, predictions: Sequence[Prediction]) -> bytes:
    """Serialize a `PredictResponse`."""
    return to_json(
        {
            "model": {"name": model, "version": version},
            "predictions": [
                {
                    "positive_probability": prediction.positive_probability,
                    "sentiment": prediction.sentiment,
                    "uncertain": prediction.uncertain,
                    "words": prediction.words,
                    "known_words": prediction.known_words,
                }
                for prediction in predictions
            ],
        }
    )


def explanations_json(model: str, version: str, explanations: Sequence[bytes]) -> bytes:
    """Serialize an `ExplainResponse`, given the JSON of each explanation."""
    return b'{"model":%b,"explanations":[%b]}' % (to_json({"name": model, "version": version}), b",".join(explanations))


def explanation_json(explanation: Explanation, top: int | None = None) -> bytes:
    """Serialize a `schemas.Explanation` with the `top` largest effects, or all if None."""
    prediction = explanation.prediction
    listed = explanation.effects[:top]
    rest = explanation.effects[len(listed) :]
    content = {
        "positive_probability": prediction.positive_probability,
        "sentiment": prediction.sentiment,
        "uncertain": prediction.uncertain,
        "words": prediction.words,
        "known_words": prediction.known_words,
        "log_odds": explanation.log_odds,
        "terms": [
            {
                "terms": effect.terms,
                "log_odds": effect.log_odds,
                "probability": effect.probability,
                "positive_probability_without": effect.positive_probability_without,
                "occurrences": _spans(effect.occurrences),
            }
            for effect in listed
        ],
        "rest": {
            "terms": len(rest),
            "log_odds": sum(effect.log_odds for effect in rest),
            "probability": sum(effect.probability for effect in rest),
        },
        "unknown_words": _spans(explanation.unknown_words),
    }
    return to_json(content)


def _spans(spans: Sequence[Span]) -> list[dict[str, int]]:
    return [span._asdict() for span in spans]
