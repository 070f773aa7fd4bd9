"""POST /predict."""

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.body import read_predict_request
from app.api.openapi import problems, request_body
from app.api.schemas import PredictRequest, PredictResponse
from app.api.state import serving_of

router = APIRouter(tags=["predictions"])


@router.post(
    "/predict",
    operation_id="predict",
    summary="Score reviews",
    response_model=PredictResponse,
    responses=problems(413, 415, 422, 500, 503),
    openapi_extra=request_body(PredictRequest),
)
async def predict(request: Request) -> Response:
    """Estimate how likely each review is to be positive. Predictions come in the order of the reviews."""
    serving = serving_of(request)
    wanted = await read_predict_request(request)
    predictions = await serving.scorer.predict(wanted.reviews)
    manifest = serving.bundle.manifest
    # Written straight to bytes: `PredictResponse` documents the shape and a test holds this to it, but making and
    # checking its objects would cost more than the model itself.
    answer = {
        "model": {"name": manifest.name, "version": manifest.version},
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
    return Response(to_json(answer), media_type="application/json")
