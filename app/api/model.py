"""GET /model."""

from fastapi import APIRouter, Request

from app.api.answers import problems
from app.api.schemas import Limits, ModelResponse
from app.api.state import service_of, serving_of
from app.routes import MODEL

router = APIRouter(tags=["model"])


@router.get(
    MODEL,
    operation_id="get_model",
    summary="Describe the served model",
    response_description="The served bundle.",
    responses=problems(401, 500, 503),
)
async def get_model(request: Request) -> ModelResponse:
    """Say which bundle is served, how it was trained, how good it is, and which limits are in force."""
    settings = service_of(request).settings
    bundle = serving_of(request).bundle
    return ModelResponse(
        **bundle.manifest.model_dump(exclude={"files"}),
        digest=bundle.digest,
        runtime=settings.runtime,
        limits=Limits(
            max_reviews=settings.max_reviews,
            max_explained=settings.max_explained,
            max_characters=settings.max_characters,
            max_body_bytes=settings.max_body_bytes,
            max_waiting=settings.max_waiting,
        ),
    )
