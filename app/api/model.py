"""GET /model, and responses that clients may keep and revalidate with their ETag (RFC 9110, section 13)."""

import hashlib

from fastapi import APIRouter, Request, Response

from .openapi import DESCRIBING, UNCHANGED, VERSION
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
        limits=Limits.model_validate(settings, from_attributes=True),
    )
    return revalidated(request, described.model_dump_json().encode())


def revalidated(request: Request, content: bytes) -> Response:
    """Respond with JSON and its ETag, or with 304 if the client has the same already."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
