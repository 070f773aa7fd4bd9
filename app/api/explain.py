"""POST /explain."""

from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter, Request, Response

from ..model.limits import check_reviews
from ..model.serialization import explanation_json, explanations_json
from ..queues.explainer import Explainer
from ..service import ServedVersion
from .body import parse, read_body
from .openapi import SCORING, VERSION, request_body
from .routing import ExplanationRoute, unless_disconnected
from .schemas import ExplainRequest, ExplainResponse
from .state import service_of, version_of

router = APIRouter(tags=["predictions"], route_class=ExplanationRoute, responses=SCORING)


@router.post(
    "/explain",
    operation_id="explain",
    summary="Explain predictions",
    response_model=ExplainResponse,
    response_description="One explanation per review.",
    openapi_extra={**request_body(ExplainRequest), "parameters": [VERSION]},
)
async def explain(request: Request) -> Response:
    """Show what each prediction is based on: the probability without each term that the model knows.

    The numbers are exact. They need not add up, because terms interact.
    """
    service = service_of(request)
    version, settings = version_of(request, service), service.settings
    body = parse(ExplainRequest, await read_body(request, settings))
    check_reviews(body.reviews, settings.max_explained, settings.max_explained_length, "reviews")
    explanations = await explain_reviews(request, service.explainer, version, body.reviews, body.top)
    manifest = version.bundle.manifest
    content = explanations_json(manifest.name, manifest.version, explanations)
    return Response(content, media_type="application/json")


async def explain_reviews(
    request: Request, explainer: Explainer, version: ServedVersion, reviews: Sequence[str], top: int | None = None
) -> list[bytes]:
    """Explain the reviews of a request, unless its client disconnects; used by every protocol.

    Returns:
        The JSON of each explanation; see `explanation_json` for `top`.

    Raises:
        SentimentError: See `Explainer.explain`.
        ClientDisconnect: The client closed the connection.
    """
    explaining = explainer.explain(version.classifier, reviews, partial(explanation_json, top=top))
    explanations = await unless_disconnected(request, explaining)
    version.metrics.explained.inc(len(reviews))
    return explanations
