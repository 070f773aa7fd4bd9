"""GET /health/live and /health/ready for orchestrators and load balancers, and GET /metrics for Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ..model.errors import NotServing
from ..service import Service
from .openapi import FAILED, STOPPING
from .routing import ProbeRoute, ScrapeRoute
from .schemas import Health
from .state import service_of

LIVE, READY = ({"content": {"application/json": {"example": {"status": status}}}} for status in ("live", "ready"))

router = APIRouter(prefix="/health", tags=["health"], route_class=ProbeRoute, responses=FAILED)
metrics_router = APIRouter(route_class=ScrapeRoute)


@router.head("/live", include_in_schema=False)
@router.get(
    "/live",
    operation_id="get_liveness",
    summary="Check liveness",
    response_description="The process is alive.",
    responses={200: LIVE},
)
async def get_liveness() -> Health:
    """Return 200 while the process is alive; restart it if this fails."""
    return Health(status="live")


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    operation_id="get_readiness",
    summary="Check readiness",
    response_description="The service accepts traffic.",
    responses={200: READY, **STOPPING},
)
async def get_readiness(request: Request) -> Health:
    """Return 200 while the service should get traffic; it is not ready while it is stopping."""
    check_readiness(service_of(request))
    return Health(status="ready")


def check_readiness(service: Service) -> None:
    """Raise `NotServing` while the service is stopping."""
    if service.draining:
        raise NotServing("the service is stopping")


@metrics_router.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """Return the metrics of all workers, even while the service is stopping."""
    return Response(generate_latest(service_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)
