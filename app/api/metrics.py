"""GET /metrics for Prometheus."""

from fastapi import APIRouter, Request, Response

from ..telemetry.metrics import MEDIA_TYPE
from .routing import ScrapeRoute
from .state import service_of

router = APIRouter(route_class=ScrapeRoute)


@router.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """Return the metrics of all workers, even while the service is stopping."""
    return Response(service_of(request).metrics.exposition(), media_type=MEDIA_TYPE)
