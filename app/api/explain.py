"""POST /explain."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from app.api.answers import problems
from app.api.body import read_reviews
from app.api.openapi import request_body
from app.api.schemas import ExplainRequest, ExplainResponse
from app.api.state import Service, Serving, service_of, serving_of
from app.api.written import explanations_json
from app.inference.errors import DeadlineExceeded
from app.inference.explanation import Explanation, Occlusion
from app.routes import EXPLAIN

router = APIRouter(tags=["predictions"])


@router.post(
    EXPLAIN,
    operation_id="explain",
    summary="Explain predictions",
    response_model=ExplainResponse,
    response_description="One explanation a review.",
    responses=problems(401, 413, 415, 422, 500, 503, 504),
    openapi_extra=request_body(ExplainRequest),
)
async def explain(request: Request) -> Response:
    """Say what each review's probability rests on: what it would be without each of the words that the model knows.

    The numbers are exact, and need not add up, as words work together. Each known word or term counts as a review where
    load is shed.
    """
    serving, service = serving_of(request), service_of(request)
    wanted = await read_reviews(request, ExplainRequest, service.settings.max_explained)
    explanations = await explain_all(service, serving, wanted.reviews)
    manifest = serving.bundle.manifest
    answer = explanations_json(manifest.name, manifest.version, explanations, wanted.top)
    return Response(answer, media_type="application/json")


async def explain_all(service: Service, serving: Serving, reviews: Sequence[str]) -> list[Explanation]:
    """Explain reviews, one after the other, within the time that a request has.

    Raises:
        DeadlineExceeded: It took longer.
        Overloaded: Too much is waiting.
        InferenceError: The runtime's answer was unusable.
    """
    explanations = []
    try:
        async with asyncio.timeout(service.settings.deadline):
            for review in reviews:
                # In a thread, as the longest takes some 20 ms, in which others would wait.
                occlusion = await asyncio.to_thread(Occlusion, serving.bundle.vocabulary, review)
                explanations.append(await serving.scorer.explain(occlusion))
                service.recorder.explained()
    except TimeoutError:
        raise DeadlineExceeded(service.settings.deadline) from None
    return explanations
