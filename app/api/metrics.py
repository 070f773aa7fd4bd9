"""GET /metrics, for Prometheus."""

from fastapi import APIRouter, Request, Response

from app.api.state import service_of
from app.metrics.exposition import MEDIA_TYPE
from app.routes import METRICS

router = APIRouter()


@router.get(METRICS, include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    """The numbers of all workers; answered at any time, while starting and stopping too."""
    return Response(service_of(request).exposition.text(), media_type=MEDIA_TYPE)
