"""The prediction part of TensorFlow Serving's REST API, which is also KServe's first protocol."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.body import parse
from app.api.errors import invalid
from app.api.explain import explain_reviews
from app.api.health import check_readiness
from app.api.openapi import SCORING, protocol_errors, request_body
from app.api.predict import score
from app.api.protocols.encodings import read_decoded_body
from app.api.protocols.model_routes import add_model_route, reject_verb
from app.api.protocols.schemas import (
    INPUT,
    InstanceExplanationsResponse,
    InstanceProbabilitiesResponse,
    InstancesRequest,
    ModelStatus,
    ModelVersionStatus,
    ServedModels,
    VersionStatus,
)
from app.api.routing import ExplanationRoute, PredictionRoute
from app.api.state import service_of, version_of
from app.inference.limits import BLANK, check_reviews, is_blank

router = APIRouter(prefix="/v1", tags=["tensorflow serving"])


@router.get(
    "/models",
    operation_id="list_models",
    summary="List the models",
    response_description="The name of the served bundle.",
    responses=protocol_errors("Unauthorized"),
)
async def list_models(request: Request) -> ServedModels:
    """List the served model."""
    return ServedModels(models=[service_of(request).name])


async def predict_instances(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the predictions of /predict, under the same limits.

    Bodies may be compressed with gzip or deflate.
    """
    version = version_of(request)
    reviews = await _read_reviews(request, service_of(request).settings.max_reviews)
    predictions = await score(request, version, reviews)
    content = {"predictions": [prediction.positive_probability for prediction in predictions]}
    return Response(to_json(content), media_type="application/json")


async def explain_instances(request: Request) -> Response:
    """Show what each prediction is based on: the explanations of /explain, under the same limits.

    Bodies may be compressed with gzip or deflate.
    """
    version = version_of(request)
    reviews = await _read_reviews(request, service_of(request).settings.max_explained)
    explanations = await explain_reviews(request, version, reviews)
    return Response(b'{"explanations":[%b]}' % b",".join(explanations), media_type="application/json")


async def _read_reviews(request: Request, max_reviews: int) -> list[str]:
    body = parse(InstancesRequest, await read_decoded_body(request))
    if body.inputs is not None:
        raise invalid("inputs", "Send instances only, one per review; the columnar format is not supported")
    reviews = list(_reviews(body.instances))
    check_reviews(reviews, max_reviews, service_of(request).settings.max_characters, "instances")
    return reviews


def _reviews(instances: Sequence[Any]) -> Iterator[str]:
    for index, instance in enumerate(instances):
        review = instance.get(INPUT) if isinstance(instance, dict) else instance
        if not isinstance(review, str):
            message = f'Input should be a valid string, or an object with one: {{"{INPUT}": "…"}}'
            raise invalid(f"instances.{index}", message)
        if is_blank(review):
            raise invalid(f"instances.{index}", BLANK)
        yield review


async def get_model_status(request: Request) -> ModelStatus:
    """Return 200 while the model should get traffic; it is not available while the service is stopping."""
    reject_verb(request)
    check_readiness(request)
    version, service = version_of(request), service_of(request)
    versions = [version.bundle.manifest.version] if "model_version" in request.path_params else service.versions
    ok = VersionStatus(error_code="OK", error_message="")
    available = [ModelVersionStatus(version=version, state="AVAILABLE", status=ok) for version in versions]
    return ModelStatus(name=service.name, ready=True, model_version_status=available)


add_model_route(
    router,
    ":predict",
    predict_instances,
    "predict_instances{}",
    "Score instances",
    SCORING,
    document=request_body(InstancesRequest),
    methods=["POST"],
    route_class_override=PredictionRoute,
    response_model=InstanceProbabilitiesResponse,
    response_description="One probability per review.",
)
add_model_route(
    router,
    ":explain",
    explain_instances,
    "explain_instances{}",
    "Explain instances",
    SCORING,
    document=request_body(InstancesRequest),
    methods=["POST"],
    route_class_override=ExplanationRoute,
    response_model=InstanceExplanationsResponse,
    response_description="One explanation per review.",
)
# Last, as its path also matches the paths of the others.
add_model_route(
    router,
    "",
    get_model_status,
    "get_model{}_status",
    "Check the model's status",
    ("Unavailable",),
    response_description="The model is available.",
)
