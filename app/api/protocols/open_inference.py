"""The Open Inference Protocol, version 2, over REST, with the binary tensor extension, for Triton and KServe clients.

https://github.com/kserve/open-inference-protocol
"""

from enum import Enum

from fastapi import APIRouter, Request, Response

from app import __version__
from app.api.errors import invalid
from app.api.health import check_readiness
from app.api.openapi import SCORING, protocol_errors, request_body
from app.api.predict import score
from app.api.protocols.encodings import read_decoded_body
from app.api.protocols.model_routes import add_model_route
from app.api.protocols.schemas import (
    INPUT,
    OUTPUT,
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
    TensorMetadata,
)
from app.api.protocols.tensors import HEADER_LENGTH, infer_response, read_inference
from app.api.routing import PredictionRoute, ProbeRoute, PublicRoute
from app.api.state import service_of, version_of

PLATFORMS = {"tensorflow": "tensorflow_savedmodel", "litert": "tensorflow_lite"}
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

TAGS: list[str | Enum] = ["open inference protocol"]

public_router = APIRouter(prefix="/v2", tags=TAGS, route_class=PublicRoute)
health_router = APIRouter(prefix="/v2/health", tags=TAGS, route_class=ProbeRoute)
router = APIRouter(prefix="/v2", tags=TAGS)


@public_router.get(
    "",
    operation_id="get_server_metadata",
    summary="Describe the server",
    response_description="The server's name, version and extensions.",
    responses=protocol_errors(),
)
async def get_server_metadata() -> ServerMetadata:
    """Return the server's name and version, and the extensions of the protocol that it supports."""
    return ServerMetadata(name="review-sentiment", version=__version__, extensions=["binary_tensor_data"])


@health_router.head("/live", include_in_schema=False)
@health_router.get(
    "/live",
    operation_id="get_server_live",
    summary="Check liveness",
    response_description="The process is alive.",
    responses=protocol_errors(),
)
async def get_server_live() -> ServerLive:
    """Return 200 while the process is alive."""
    return ServerLive(live=True)


@health_router.head("/ready", include_in_schema=False)
@health_router.get(
    "/ready",
    operation_id="get_server_ready",
    summary="Check readiness",
    response_description="The service accepts traffic.",
    responses=protocol_errors("Unavailable"),
)
async def get_server_ready(request: Request) -> ServerReady:
    """Return 200 while the service should get traffic; it is not ready while it is stopping."""
    check_readiness(request)
    return ServerReady(ready=True)


async def get_model_metadata(request: Request) -> ModelMetadata:
    """Describe the model's input and output."""
    version_of(request)
    service = service_of(request)
    return ModelMetadata(
        name=service.name,
        versions=list(service.versions),
        platform=PLATFORMS[service.settings.runtime],
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])],
        outputs=[TensorMetadata(name=OUTPUT, datatype="FP32", shape=[-1])],
    )


async def get_model_ready(request: Request) -> ModelReady:
    """Return 200 while the model should get traffic; it is not ready while the service is stopping."""
    check_readiness(request)
    return ModelReady(name=version_of(request).bundle.manifest.name, ready=True)


async def infer(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the predictions of /predict, under the same limits.

    The reviews are sent in the JSON or, with the header Inference-Header-Content-Length, after it; the probabilities
    are returned as requested. Bodies may be compressed with gzip or deflate.
    """
    version = version_of(request)
    body = await read_decoded_body(request)
    lengths = set(request.headers.getlist(HEADER_LENGTH))
    if len(lengths) > 1:
        raise invalid("body", f"The header {HEADER_LENGTH} has two different values")
    inference = read_inference(body, next(iter(lengths), None), service_of(request).settings)
    predictions = await score(request, version, inference.reviews)
    manifest = version.bundle.manifest
    return infer_response(manifest.name, manifest.version, inference, predictions)


LENGTH = {"schema": {"type": "integer", "minimum": 0}}
REQUEST_LENGTH = {
    "name": HEADER_LENGTH,
    "in": "header",
    "description": "Length of the JSON at the start of the body, in bytes, if more follows; 0: the body is one review.",
    **LENGTH,
}
RESPONSE_LENGTH = {
    HEADER_LENGTH: {
        "description": "Length of the JSON at the start of the body, in bytes; absent if there is nothing else.",
        **LENGTH,
    }
}

add_model_route(
    router,
    "",
    get_model_metadata,
    "get_model{}_metadata",
    "Describe the model",
    (),
    response_description="The model's input and output.",
)
add_model_route(
    router,
    "/ready",
    get_model_ready,
    "get_model{}_ready",
    "Check the model's readiness",
    ("Unavailable",),
    response_description="The model accepts traffic.",
)
add_model_route(
    router,
    "/infer",
    infer,
    "infer{}",
    "Score a tensor of reviews",
    SCORING,
    document={**request_body(InferRequest, BINARY), "parameters": [REQUEST_LENGTH]},
    responses={200: {"content": BINARY, "headers": RESPONSE_LENGTH}},
    methods=["POST"],
    route_class_override=PredictionRoute,
    response_model=InferResponse,
    response_description="One probability per review, as JSON or as float32 after it.",
)
