"""Predictions and explanations as JSON.

`app.api.schemas` documents the shapes, and tests compare the two; creating and validating its objects would cost more
than the model itself. The terminal writes the same JSON without importing a web framework.
"""

from collections.abc import Sequence
from typing import Any

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


def explanations_json(model: str, version: str, explanations: Sequence[Explanation], top: int | None) -> bytes:
    """Serialize an `ExplainResponse`; see `explanation_dict` for `top`."""
    return to_json(
        {
            "model": {"name": model, "version": version},
            "explanations": [explanation_dict(explanation, top) for explanation in explanations],
        }
    )


def explanation_dict(explanation: Explanation, top: int | None = None) -> dict[str, Any]:
    """An explanation in the shape of `schemas.Explanation`, with the `top` largest effects, or all if None."""
    prediction = explanation.prediction
    listed = explanation.effects[:top]
    rest = explanation.effects[len(listed) :]
    return {
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


def _spans(spans: Sequence[Span]) -> list[dict[str, int]]:
    return [span._asdict() for span in spans]
