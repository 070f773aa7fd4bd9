"""POST /predict."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from ..model.limits import MAX_TERMS, check_reviews
from ..model.prediction import Prediction
from ..model.serialization import predictions_json
from ..queues.batcher import MAX_PART_REVIEWS
from ..service import ServedVersion
from .body import parse, read_body
from .errors import invalid
from .openapi import EXPLAIN, SCORING, VERSION, request_body
from .routing import PredictionRoute, unless_disconnected
from .schemas import PredictRequest, PredictResponse
from .state import service_of, version_of

router = APIRouter(tags=["predictions"], route_class=PredictionRoute, responses=SCORING)


@router.post(
    "/predict",
    operation_id="predict",
    summary="Score reviews",
    response_model=PredictResponse,
    response_description="One prediction per review.",
    openapi_extra={**request_body(PredictRequest), "parameters": [VERSION, EXPLAIN]},
)
async def predict(request: Request) -> Response:
    """Estimate how likely each review is to be positive. Predictions are in the same order as the reviews.

    With `explain=5`, each prediction also lists the five terms that it is based on most.
    """
    service = service_of(request)
    version, settings = version_of(request, service), service.settings
    top = _explain_of(request)
    reviews = parse(PredictRequest, await read_body(request, settings)).reviews
    check_reviews(reviews, settings.max_reviews, settings.max_characters, "reviews")
    predictions = await score(request, version, reviews, top)
    manifest = version.bundle.manifest
    content = predictions_json(manifest.name, manifest.version, predictions)
    return Response(content, media_type="application/json")


def _explain_of(request: Request) -> int:
    """The maximum number of terms per prediction that a request asks for."""
    value = request.query_params.get("explain", "0") if request.scope["query_string"] else "0"
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MAX_TERMS)) and int(value) <= MAX_TERMS):
        raise invalid("explain", f"Input should be a whole number from 0 to {MAX_TERMS}")
    return int(value)


async def score(request: Request, version: ServedVersion, reviews: Sequence[str], top: int = 0) -> list[Prediction]:
    """Score the reviews of a request; those that take several parts are dropped if their client disconnects."""
    predictions = version.batcher.predict(reviews, top)
    if len(reviews) > MAX_PART_REVIEWS:
        return await unless_disconnected(request, predictions)
    return await predictions
