"""The Open Inference Protocol, version 2, over REST, with the binary tensor extension: Triton's and KServe's clients.

https://github.com/kserve/open-inference-protocol says what it is.
"""

from fastapi import APIRouter, Request, Response

from app import __version__
from app.api.body import headers_of
from app.api.health import get_readiness
from app.api.openapi import request_body
from app.api.problems import invalid
from app.api.protocols.documents import add_model_route, errors
from app.api.protocols.encodings import read_decoded_body
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
from app.api.protocols.served import asked_for
from app.api.protocols.tensors import HEADER_LENGTH, infer_response, read_inference, wrong_shape
from app.api.state import service_of

PLATFORMS = {"tensorflow": "tensorflow_savedmodel", "litert": "tensorflow_lite"}
HEADER = HEADER_LENGTH.decode().title()
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

router = APIRouter(prefix="/v2", tags=["open inference protocol"])


@router.get(
    "",
    operation_id="get_server_metadata",
    summary="Describe the server",
    response_description="What answers.",
    responses=errors(500),
)
async def get_server_metadata() -> ServerMetadata:
    """Say what answers, and which extensions of the protocol it knows."""
    return ServerMetadata(name="review-sentiment", version=__version__, extensions=["binary_tensor_data"])


@router.get(
    "/health/live",
    operation_id="get_server_live",
    summary="Is the process alive?",
    response_description="The process is alive.",
    responses=errors(500),
)
async def get_server_live() -> ServerLive:
    """Answer 200 for as long as the process can answer at all."""
    return ServerLive(live=True)


@router.get(
    "/health/ready",
    operation_id="get_server_ready",
    summary="Should it get traffic?",
    response_description="It should get traffic.",
    responses=errors(500, 503),
)
async def get_server_ready(request: Request) -> ServerReady:
    """Answer 200 while the model is loaded and no stop was asked for."""
    await get_readiness(request)
    return ServerReady(ready=True)


async def get_model_metadata(request: Request) -> ModelMetadata:
    """Say what the model reads and what it answers."""
    manifest = asked_for(request).bundle.manifest
    return ModelMetadata(
        name=manifest.name,
        versions=[manifest.version],
        platform=PLATFORMS[service_of(request).settings.runtime],
        inputs=[TensorMetadata(name=INPUT, datatype="BYTES", shape=[-1])],
        outputs=[TensorMetadata(name=OUTPUT, datatype="FP32", shape=[-1])],
    )


async def get_model_ready(request: Request) -> ModelReady:
    """Answer 200 while the model is loaded and no stop was asked for."""
    await get_readiness(request)
    return ModelReady(name=asked_for(request).bundle.manifest.name, ready=True)


async def infer(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the answers of /predict, under the same limits.

    The reviews come as JSON or, with the header Inference-Header-Content-Length, behind it; the probabilities go the
    way that the request asks for. Bodies may be compressed with gzip or deflate.
    """
    serving = asked_for(request)
    body = await read_decoded_body(request)
    header_length = headers_of(request).get(HEADER_LENGTH)
    if any(name == HEADER_LENGTH and value != header_length for name, value in request.scope["headers"]):
        raise invalid("body", f"{HEADER} is there twice, with different values")
    inference = read_inference(body, header_length, service_of(request).settings)
    predictions = await serving.scorer.predict(inference.reviews)
    manifest = serving.bundle.manifest
    return infer_response(manifest.name, manifest.version, inference, predictions)


LENGTH = {"schema": {"type": "integer", "minimum": 0}}
SENT = {
    "name": HEADER,
    "in": "header",
    "description": "Bytes of JSON at the beginning of a body that is not JSON alone; 0: the body is one review.",
    **LENGTH,
}
ANSWERED = {
    HEADER: {
        "description": "Bytes of JSON at the beginning of an answer with binary outputs; absent where it is JSON.",
        **LENGTH,
    }
}

add_model_route(
    router,
    "",
    get_model_metadata,
    "get_model{}_metadata",
    "Describe the model",
    (401, 404, 500, 503),
    response_description="What the model reads and answers.",
)
add_model_route(
    router,
    "/ready",
    get_model_ready,
    "get_model{}_ready",
    "Does the model answer?",
    (401, 404, 500, 503),
    response_description="The model answers.",
)
add_model_route(
    router,
    "/infer",
    infer,
    "infer{}",
    "Score a tensor of reviews",
    (401, 404, 413, 415, 500, 503, 504),
    document={**request_body(InferRequest, BINARY), "parameters": [SENT]},
    answers={200: {"content": BINARY, "headers": ANSWERED}},
    wrong=wrong_shape(2, 1).detail,
    methods=["POST"],
    response_model=InferResponse,
    response_description="One probability a review, as JSON or as float32 behind it.",
)
