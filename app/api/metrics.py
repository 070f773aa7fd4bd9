"""GET /metrics for Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .routing import ScrapeRoute
from .state import service_of

router = APIRouter(route_class=ScrapeRoute)


@router.api_route("/metrics", methods=["GET", "HEAD"], include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """Return the metrics of all workers, even while the service is stopping."""
    return Response(generate_latest(service_of(request).metrics.registry), media_type=CONTENT_TYPE_LATEST)
