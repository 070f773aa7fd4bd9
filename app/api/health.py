"""GET /health/live and /health/ready, for whoever decides about restarts and traffic."""

from fastapi import APIRouter, Request

from app.api.answers import problems
from app.api.schemas import Health
from app.api.state import service_of, serving_of
from app.inference.errors import NotServing

LIVE, READY = ({"content": {"application/json": {"example": {"status": status}}}} for status in ("live", "ready"))

router = APIRouter(prefix="/health", tags=["health"])


@router.get(
    "/live",
    operation_id="get_liveness",
    summary="Is the process alive?",
    response_description="The process is alive.",
    responses={200: LIVE, **problems(500)},
)
async def get_liveness() -> Health:
    """Answer 200 for as long as the process can answer at all; restart it when this fails."""
    return Health(status="live")


@router.get(
    "/ready",
    operation_id="get_readiness",
    summary="Should it get traffic?",
    response_description="It should get traffic.",
    responses={200: READY, **problems(500, 503)},
)
async def get_readiness(request: Request) -> Health:
    """Answer 200 while the model is loaded and no stop was asked for; send traffic elsewhere when this fails."""
    if service_of(request).draining:
        raise NotServing("the service is stopping; another replica may answer")
    serving_of(request)
    return Health(status="ready")
