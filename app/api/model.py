"""GET /model."""

from fastapi import APIRouter

from app.api.openapi import problems
from app.api.schemas import Limits, ModelResponse
from app.api.state import CurrentService, CurrentServing

router = APIRouter(tags=["model"])


@router.get("/model", operation_id="get_model", summary="Describe the served model", responses=problems(500, 503))
async def get_model(service: CurrentService, serving: CurrentServing) -> ModelResponse:
    """Say which bundle is served, how it was trained, how good it is, and which limits are in force."""
    settings = service.settings
    return ModelResponse(
        **serving.bundle.manifest.model_dump(exclude={"files"}),
        digest=serving.bundle.digest,
        runtime=settings.runtime,
        limits=Limits(
            max_reviews=settings.max_reviews,
            max_characters=settings.max_characters,
            max_body_bytes=settings.max_body_bytes,
            max_waiting=settings.max_waiting,
        ),
    )
