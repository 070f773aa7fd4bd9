"""POST /predict."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.answers import problems
from app.api.body import read_reviews
from app.api.openapi import request_body
from app.api.schemas import PredictRequest, PredictResponse
from app.api.state import service_of, serving_of
from app.inference.classifier import Prediction

router = APIRouter(tags=["predictions"])


@router.post(
    "/predict",
    operation_id="predict",
    summary="Score reviews",
    response_model=PredictResponse,
    responses=problems(401, 413, 415, 422, 500, 503, 504),
    openapi_extra=request_body(PredictRequest),
)
async def predict(request: Request) -> Response:
    """Estimate how likely each review is to be positive. Predictions come in the order of the reviews."""
    serving = serving_of(request)
    wanted = await read_reviews(request, PredictRequest, service_of(request).settings.max_reviews)
    predictions = await serving.scorer.predict(wanted.reviews)
    manifest = serving.bundle.manifest
    return Response(answer_json(manifest.name, manifest.version, predictions), media_type="application/json")


def answer_json(model: str, version: str, predictions: Sequence[Prediction]) -> bytes:
    """Write a `PredictResponse`.

    Straight to bytes: `PredictResponse` documents the shape and a test holds this to it, but making and checking its
    objects would cost more than the model itself.
    """
    return to_json(
        {
            "model": {"name": model, "version": version},
            "predictions": [
                {
                    "positive_probability": prediction.positive_probability,
                    "sentiment": prediction.sentiment,
                    "words": prediction.words,
                    "known_words": prediction.known_words,
                }
                for prediction in predictions
            ],
        }
    )
