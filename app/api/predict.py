"""POST /predict."""

from fastapi import APIRouter, Request, Response

from app.api.answers import problems
from app.api.body import read_reviews
from app.api.openapi import request_body
from app.api.schemas import PredictRequest, PredictResponse
from app.api.state import service_of, serving_of
from app.api.written import answer_json
from app.routes import PREDICT

router = APIRouter(tags=["predictions"])


@router.post(
    PREDICT,
    operation_id="predict",
    summary="Score reviews",
    response_model=PredictResponse,
    response_description="One prediction a review.",
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
