"""POST /predict."""

from fastapi import APIRouter

from app.api.body import PredictBody
from app.api.openapi import problems, request_body
from app.api.schemas import ModelName, Prediction, PredictRequest, PredictResponse
from app.api.state import CurrentServing

router = APIRouter(tags=["predictions"])


@router.post(
    "/predict",
    operation_id="predict",
    summary="Score reviews",
    responses=problems(413, 415, 422, 500, 503),
    openapi_extra=request_body(PredictRequest),
)
async def predict(serving: CurrentServing, body: PredictBody) -> PredictResponse:
    """Estimate how likely each review is to be positive. Predictions come in the order of the reviews."""
    predictions = await serving.scorer.predict(body.reviews)
    manifest = serving.bundle.manifest
    return PredictResponse(
        model=ModelName(name=manifest.name, version=manifest.version),
        predictions=[
            Prediction(
                positive_probability=prediction.positive_probability,
                sentiment=prediction.sentiment,
                words=prediction.words,
                known_words=prediction.known_words,
            )
            for prediction in predictions
        ],
    )
