"""The Open Inference Protocol, version 2, over REST, with the binary tensor extension, for Triton and KServe clients.

https://github.com/kserve/open-inference-protocol
"""

from typing import Any

from fastapi import Request, Response

from app import __version__
from app.api.body import read_body
from app.api.errors import invalid
from app.api.health import check_readiness
from app.api.predict import score
from app.api.protocols.conventions import INPUT, MODEL, error_response, version_of
from app.api.protocols.tensors import HEADER_LENGTH, OUTPUT, infer_response, read_inference
from app.api.routing import PredictionRoute, ProbeRoute, ProtocolRouter, PublicRoute
from app.api.state import service_of

TAG = {
    "name": "open inference protocol",
    "description": "`/v2`, for clients of Triton and KServe v2.",
    "externalDocs": {
        "description": "Open Inference Protocol, version 2",
        "url": "https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md",
    },
}
PLATFORMS = {"tensorflow": "tensorflow_savedmodel", "numpy": "numpy"}


async def get_server() -> dict[str, Any]:
    """Return the server's name and version, and the extensions of the protocol that it supports."""
    return {"name": "review-sentiment", "version": __version__, "extensions": ["binary_tensor_data"]}


async def get_live() -> dict[str, Any]:
    """Return 200 while the process is alive."""
    return {"live": True}


async def get_ready(request: Request) -> dict[str, Any]:
    """Return 200 while the service should get traffic; it is not ready while it is stopping."""
    check_readiness(request)
    return {"ready": True}


async def get_model(request: Request) -> dict[str, Any]:
    """Describe the model's input and output."""
    version_of(request)
    service = service_of(request)
    return {
        "name": service.name,
        "versions": list(service.versions),
        "platform": PLATFORMS[service.settings.runtime],
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1]}],
    }


async def get_model_ready(request: Request) -> dict[str, Any]:
    """Return 200 while the model should get traffic; it is not ready while the service is stopping."""
    check_readiness(request)
    return {"name": version_of(request).bundle.manifest.name, "ready": True}


async def infer(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the predictions of /predict, under the same limits.

    The reviews are sent in the JSON or, with the header Inference-Header-Content-Length, after it; the probabilities
    are returned as requested.
    """
    version = version_of(request)
    body = await read_body(request)
    lengths = set(request.headers.getlist(HEADER_LENGTH))
    if len(lengths) > 1:
        raise invalid("body", f"The header {HEADER_LENGTH} has two different values")
    inference = read_inference(body, next(iter(lengths), None), service_of(request).settings)
    predictions = await score(request, version, inference.reviews)
    manifest = version.bundle.manifest
    return infer_response(manifest.name, manifest.version, inference, predictions)


router = ProtocolRouter("/v2", error_response, TAG)
router.add_api_route("", get_server, route_class_override=PublicRoute)
router.add_api_route("/health/live", get_live, methods=["GET", "HEAD"], route_class_override=ProbeRoute)
router.add_api_route("/health/ready", get_ready, methods=["GET", "HEAD"], route_class_override=ProbeRoute)
for model in MODEL:
    router.add_api_route(model, get_model)
    router.add_api_route(f"{model}/ready", get_model_ready)
    router.add_api_route(f"{model}/infer", infer, methods=["POST"], route_class_override=PredictionRoute)
