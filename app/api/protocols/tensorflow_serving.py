"""TensorFlow Serving's REST API, which is KServe's first protocol too, as far as it is about predictions."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.body import check_limits, parsed_as
from app.api.explain import explain_all
from app.api.health import get_readiness
from app.api.openapi import request_body
from app.api.problems import InvalidRequest
from app.api.protocols.documents import errors, path_parameters
from app.api.protocols.encodings import read_decoded_body
from app.api.protocols.schemas import (
    INPUT,
    ExplanationsResponse,
    InstancesRequest,
    ModelStatus,
    ModelVersionStatus,
    PredictionsResponse,
    ServedModels,
    VersionStatus,
)
from app.api.protocols.served import asked_for, refuse_verbs
from app.api.schemas import BLANK, Violation, is_blank
from app.api.state import service_of, serving_of
from app.api.written import described

router = APIRouter(prefix="/v1", tags=["tensorflow serving"])


@router.get("/models", operation_id="list_models", summary="List the models", responses=errors(401, 500, 503))
async def list_models(request: Request) -> ServedModels:
    """Name the one model there is."""
    return ServedModels(models=[serving_of(request).bundle.manifest.name])


async def predict_instances(request: Request) -> Response:
    """Estimate how likely each review is to be positive: the answers of /predict, under the same limits.

    Bodies may be compressed with gzip or deflate.
    """
    serving = asked_for(request)
    reviews = await _read_reviews(request, service_of(request).settings.max_reviews)
    predictions = await serving.scorer.predict(reviews)
    answer = {"predictions": [prediction.positive_probability for prediction in predictions]}
    return Response(to_json(answer), media_type="application/json")


async def explain_instances(request: Request) -> Response:
    """Say what each review's probability rests on: the explanations of /explain, under the same limits.

    Bodies may be compressed with gzip or deflate.
    """
    serving, service = asked_for(request), service_of(request)
    reviews = await _read_reviews(request, service.settings.max_explained)
    explanations = await explain_all(service, serving, reviews)
    answer = {"explanations": [described(explanation) for explanation in explanations]}
    return Response(to_json(answer), media_type="application/json")


async def _read_reviews(request: Request, most: int) -> list[str]:
    body = parsed_as(InstancesRequest, await read_decoded_body(request))
    if body.inputs is not None:
        message = "Send instances alone, a review each; the form of columns is not supported"
        raise InvalidRequest([Violation(location="inputs", message=message)])
    reviews = list(_reviews(body.instances))
    check_limits(reviews, most, service_of(request).settings.max_characters, "instances")
    return reviews


def _reviews(instances: Sequence[Any]) -> Iterator[str]:
    for index, instance in enumerate(instances):
        review = instance.get(INPUT) if isinstance(instance, dict) else instance
        if not isinstance(review, str):
            message = f'Input should be a valid string, or an object with one: {{"{INPUT}": "…"}}'
            raise InvalidRequest([Violation(location=f"instances.{index}", message=message)])
        if is_blank(review):
            raise InvalidRequest([Violation(location=f"instances.{index}", message=BLANK)])
        yield review


async def get_model_status(request: Request) -> ModelStatus:
    """Say whether the model answers: 200 while it is loaded and no stop was asked for."""
    refuse_verbs(request)
    await get_readiness(request)
    manifest = asked_for(request).bundle.manifest
    available = ModelVersionStatus(
        version=manifest.version, state="AVAILABLE", status=VersionStatus(error_code="OK", error_message="")
    )
    return ModelStatus(name=manifest.name, ready=True, model_version_status=[available])


for path, suffix, of_version in (("", "", ""), ("/versions/{model_version}", "_version", ", of a version")):
    parameters = path_parameters(versioned=bool(suffix))
    router.add_api_route(
        f"/models/{{model_name}}{path}:predict",
        predict_instances,
        methods=["POST"],
        operation_id=f"predict_instances{suffix}",
        summary=f"Score rows of reviews{of_version}",
        response_model=PredictionsResponse,
        responses=errors(401, 404, 413, 415, 500, 503, 504),
        openapi_extra={**request_body(InstancesRequest), "parameters": parameters},
    )
    router.add_api_route(
        f"/models/{{model_name}}{path}:explain",
        explain_instances,
        methods=["POST"],
        operation_id=f"explain_instances{suffix}",
        summary=f"Explain rows of reviews{of_version}",
        response_model=ExplanationsResponse,
        responses=errors(401, 404, 413, 415, 500, 503, 504),
        openapi_extra={**request_body(InstancesRequest), "parameters": parameters},
    )
    router.add_api_route(
        f"/models/{{model_name}}{path}",
        get_model_status,
        operation_id=f"get_model{suffix}_status",
        summary=f"Does the model answer?{of_version}",
        responses=errors(401, 404, 500, 503),
        openapi_extra={"parameters": parameters},
    )
