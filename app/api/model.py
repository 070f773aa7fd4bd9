"""GET /model."""

from fastapi import APIRouter, Request

from app.api.openapi import DESCRIBING, VERSION
from app.api.schemas import Limits, ModelResponse
from app.api.state import service_of, version_of

router = APIRouter(tags=["model"], responses=DESCRIBING)


@router.get(
    "/model",
    operation_id="get_model",
    summary="Describe the served model",
    response_description="The served bundle.",
    openapi_extra={"parameters": [VERSION]},
)
async def get_model(request: Request) -> ModelResponse:
    """Describe the served bundle: how it was trained, how good it is, and which limits apply."""
    service = service_of(request)
    bundle, settings = version_of(request, service).bundle, service.settings
    return ModelResponse(
        **bundle.manifest.model_dump(exclude={"files"}),
        digest=bundle.digest,
        versions=list(service.versions),
        runtime=settings.runtime,
        limits=Limits.model_validate(settings.model_dump(include=set(Limits.model_fields))),
    )
