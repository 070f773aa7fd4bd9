"""GET /metrics for Prometheus."""

from fastapi import APIRouter, Request, Response

from app.api.routing import ScrapeRoute
from app.api.state import service_of
from app.telemetry.metrics import MEDIA_TYPE

router = APIRouter(route_class=ScrapeRoute)


@router.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """Return the metrics of all workers, even while the service is stopping."""
    return Response(service_of(request).metrics.exposition(), media_type=MEDIA_TYPE)
