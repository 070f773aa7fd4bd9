"""The prediction part of TensorFlow Serving's REST API, which is also KServe's first protocol.

https://www.tensorflow.org/tfx/serving/api_rest
"""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticCustomError, to_json

from ...model.limits import check_reviews
from ...settings import Settings
from ..body import parse, read_body
from ..errors import invalid
from ..explain import explain_reviews
from ..health import check_readiness
from ..predict import score
from ..routing import ExplanationRoute, PredictionRoute
from ..schemas import Review
from ..state import MODEL_PATHS, service_of, version_of


def _text_of(instance: object) -> object:
    text = instance.get("text") if isinstance(instance, dict) else instance
    if not isinstance(text, str):
        raise PydanticCustomError("text", 'Input should be a valid string, or an object with one: {"text": "…"}')
    return text


class InstancesRequest(BaseModel):
    """Reviews, each either a text or `{"text": "…"}`. Unknown fields are accepted, as the protocol requires.

    TensorFlow Serving's columnar format, `inputs`, is rejected.
    """

    instances: Annotated[list[Annotated[Review, BeforeValidator(_text_of)]], Field(min_length=1, fail_fast=True)]
    inputs: Any = None


async def list_models(request: Request) -> dict[str, Any]:
    """List the served model."""
    return {"models": [service_of(request).name]}


async def predict_instances(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the predictions of /predict, under the same limits."""
    service = service_of(request)
    version, settings = version_of(request, service), service.settings
    reviews = await _read_reviews(request, settings, settings.max_reviews, settings.max_characters)
    predictions = await score(request, version, reviews)
    content = {"predictions": [prediction.positive_probability for prediction in predictions]}
    return Response(to_json(content), media_type="application/json")


async def explain_instances(request: Request) -> Response:
    """Show what each prediction is based on: the explanations of /explain, under the same limits."""
    service = service_of(request)
    version, settings = version_of(request, service), service.settings
    reviews = await _read_reviews(request, settings, settings.max_explained, settings.max_explained_length)
    explanations = await explain_reviews(request, service.explainer, version, reviews)
    return Response(b'{"explanations":[%b]}' % b",".join(explanations), media_type="application/json")


async def _read_reviews(request: Request, settings: Settings, max_reviews: int, max_characters: int) -> list[str]:
    body = parse(InstancesRequest, await read_body(request, settings, any_type=True))
    if body.inputs is not None:
        raise invalid("inputs", "Send instances only, one per review; the columnar format is not supported")
    check_reviews(body.instances, max_reviews, max_characters, "instances")
    return body.instances


async def get_model_status(request: Request) -> dict[str, Any]:
    """Return 200 while the model should get traffic; it is not available while the service is stopping.

    The response has the fields of both TensorFlow Serving and KServe v1.
    """
    if ":" in "".join(request.path_params.values()):  # the router mistakes `imdb:predict` for a model's name
        raise HTTPException(405, headers={"Allow": "POST"})
    service = service_of(request)
    check_readiness(service)
    version = version_of(request, service)
    versions = [version.bundle.manifest.version] if "model_version" in request.path_params else service.versions
    status = {"error_code": "OK", "error_message": ""}
    available = [{"version": version, "state": "AVAILABLE", "status": status} for version in versions]
    return {"name": service.name, "ready": True, "model_version_status": available}


router = APIRouter(prefix="/v1", include_in_schema=False)
router.add_api_route("/models", list_models)
for model in MODEL_PATHS:
    router.add_api_route(f"{model}:predict", predict_instances, methods=["POST"], route_class_override=PredictionRoute)
    router.add_api_route(f"{model}:explain", explain_instances, methods=["POST"], route_class_override=ExplanationRoute)
    router.add_api_route(model, get_model_status)  # last, as its path also matches the others
