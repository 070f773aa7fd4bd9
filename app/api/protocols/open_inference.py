"""The Open Inference Protocol, version 2, over REST, with the binary tensor extension, for Triton and KServe clients.

https://github.com/kserve/open-inference-protocol
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from ... import __version__
from ..body import read_body
from ..health import check_readiness
from ..predict import score
from ..routing import PredictionRoute, ProbeRoute, PublicRoute
from ..state import MODEL_PATHS, service_of, version_of
from .tensors import HEADER_LENGTH, INPUT, OUTPUT, infer_response, read_inference

PLATFORMS = {"tensorflow": "tensorflow_savedmodel", "numpy": "numpy"}


async def get_server() -> dict[str, Any]:
    """Return the server's name and version, and the extensions of the protocol that it supports."""
    return {"name": "review-sentiment", "version": __version__, "extensions": ["binary_tensor_data"]}


async def get_live() -> dict[str, Any]:
    """Return 200 while the process is alive."""
    return {"live": True}


async def get_ready(request: Request) -> dict[str, Any]:
    """Return 200 while the service should get traffic; it is not ready while it is stopping."""
    check_readiness(service_of(request))
    return {"ready": True}


async def get_model(request: Request) -> dict[str, Any]:
    """Describe the model's input and output."""
    service = service_of(request)
    version_of(request, service)
    return {
        "name": service.name,
        "versions": list(service.versions),
        "platform": PLATFORMS[service.settings.runtime],
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1]}],
    }


async def get_model_ready(request: Request) -> dict[str, Any]:
    """Return 200 while the model should get traffic; it is not ready while the service is stopping."""
    service = service_of(request)
    check_readiness(service)
    version_of(request, service)
    return {"name": service.name, "ready": True}


async def infer(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the predictions of /predict, under the same limits.

    The reviews are sent in the JSON or, with the header Inference-Header-Content-Length, after it; the probabilities
    are returned as requested.
    """
    service = service_of(request)
    version = version_of(request, service)
    body = await read_body(request, service.settings, any_type=True)
    inference = read_inference(body, request.headers.getlist(HEADER_LENGTH), service.settings)
    predictions = await score(request, version, inference.reviews)
    return infer_response(version.bundle.manifest, inference, predictions)


router = APIRouter(prefix="/v2", include_in_schema=False)
router.add_api_route("", get_server, route_class_override=PublicRoute)
router.add_api_route("/health/live", get_live, methods=["GET", "HEAD"], route_class_override=ProbeRoute)
router.add_api_route("/health/ready", get_ready, methods=["GET", "HEAD"], route_class_override=ProbeRoute)
for model in MODEL_PATHS:
    router.add_api_route(model, get_model)
    router.add_api_route(f"{model}/ready", get_model_ready)
    router.add_api_route(f"{model}/infer", infer, methods=["POST"], route_class_override=PredictionRoute)
