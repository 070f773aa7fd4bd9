"""GET /model."""

from fastapi import APIRouter, Request, Response

from .openapi import DESCRIBING, UNCHANGED, VERSION
from .revalidation import revalidated
from .schemas import Limits, ModelResponse
from .state import service_of, version_of

router = APIRouter(tags=["model"], responses=DESCRIBING)


@router.get(
    "/model",
    operation_id="get_model",
    summary="Describe the served model",
    response_model=ModelResponse,
    response_description="The served bundle.",
    responses=UNCHANGED,
    openapi_extra={"parameters": [VERSION]},
)
async def get_model(request: Request) -> Response:
    """Describe the served bundle: how it was trained, how good it is, and which limits apply."""
    service = service_of(request)
    bundle, settings = version_of(request, service).bundle, service.settings
    described = ModelResponse(
        **{name: fact for name, fact in bundle.manifest if name != "files"},
        digest=bundle.digest,
        versions=list(service.versions),
        runtime=settings.runtime,
        limits=Limits.model_validate(settings.model_dump(include=set(Limits.model_fields))),
    )
    return revalidated(request, described.model_dump_json().encode())
