"""POST /predict."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from app.api.body import read_reviews
from app.api.openapi import SCORING, VERSION, request_body
from app.api.routing import PredictionRoute, unless_disconnected
from app.api.schemas import PredictRequest, PredictResponse
from app.api.serialization import predictions_json
from app.api.state import service_of, version_of
from app.inference.batcher import MAX_PART_REVIEWS
from app.inference.prediction import Prediction
from app.service import ServedVersion

router = APIRouter(tags=["predictions"], route_class=PredictionRoute, responses=SCORING)


@router.post(
    "/predict",
    operation_id="predict",
    summary="Score reviews",
    response_model=PredictResponse,
    response_description="One prediction per review.",
    openapi_extra={**request_body(PredictRequest), **VERSION},
)
async def predict(request: Request) -> Response:
    """Estimate how likely each review is to be positive. Predictions are in the same order as the reviews."""
    version = version_of(request)
    settings = service_of(request).settings
    body = await read_reviews(request, PredictRequest, settings.max_reviews, settings.max_characters)
    predictions = await score(request, version, body.reviews)
    manifest = version.bundle.manifest
    return Response(predictions_json(manifest.name, manifest.version, predictions), media_type="application/json")


async def score(request: Request, version: ServedVersion, reviews: Sequence[str]) -> list[Prediction]:
    """Score the reviews of a request; used by every protocol.

    Requests that are scored in several parts are dropped when their client disconnects.

    Raises:
        SentimentError: See `Batcher.predict`.
        ClientDisconnect: The client closed the connection.
    """
    predictions = version.batcher.predict(reviews)
    if len(reviews) > MAX_PART_REVIEWS:
        return await unless_disconnected(request, predictions)
    return await predictions
