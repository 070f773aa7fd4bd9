"""TensorFlow Serving's REST API, which is KServe's first protocol too, as far as it is about predictions."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from app.api.body import check_limits, parsed_as
from app.api.explain import explain_all
from app.api.health import get_readiness
from app.api.openapi import request_body
from app.api.problems import invalid
from app.api.protocols.documents import add_model_route, errors
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
from app.api.state import service_of, serving_of
from app.api.written import described
from app.inference.text import BLANK, is_blank

router = APIRouter(prefix="/v1", tags=["tensorflow serving"])


@router.get(
    "/models",
    operation_id="list_models",
    summary="List the models",
    response_description="The one model there is.",
    responses=errors(401, 500, 503),
)
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
        raise invalid("inputs", "Send instances alone, a review each; the form of columns is not supported")
    reviews = list(_reviews(body.instances))
    check_limits(reviews, most, service_of(request).settings.max_characters, "instances")
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
    """Say whether the model answers: 200 while it is loaded and no stop was asked for."""
    refuse_verbs(request)
    await get_readiness(request)
    manifest = asked_for(request).bundle.manifest
    available = ModelVersionStatus(
        version=manifest.version, state="AVAILABLE", status=VersionStatus(error_code="OK", error_message="")
    )
    return ModelStatus(name=manifest.name, ready=True, model_version_status=[available])


async def refuse_verb(request: Request) -> None:
    """Answer what TensorFlow Serving can do and this service cannot, such as `:classify`, as any model not there."""
    asked_for(request)


SCORING = (401, 404, 413, 415, 500, 503, 504)
WRONG = invalid("instances.0", BLANK).detail

add_model_route(
    router,
    ":predict",
    predict_instances,
    "predict_instances{}",
    "Score rows of reviews",
    SCORING,
    document=request_body(InstancesRequest),
    wrong=WRONG,
    methods=["POST"],
    response_model=PredictionsResponse,
    response_description="One probability a review.",
)
add_model_route(
    router,
    ":explain",
    explain_instances,
    "explain_instances{}",
    "Explain rows of reviews",
    SCORING,
    document=request_body(InstancesRequest),
    wrong=WRONG,
    methods=["POST"],
    response_model=ExplanationsResponse,
    response_description="One explanation a review.",
)
# Behind the others: its path would match theirs, too.
add_model_route(
    router,
    "",
    get_model_status,
    "get_model{}_status",
    "Does the model answer?",
    (401, 404, 500, 503),
    response_description="The model answers.",
)
for path in ("", "/versions/{model_version}"):
    router.add_api_route(
        f"/models/{{model_name}}{path}:{{verb}}", refuse_verb, methods=["POST"], include_in_schema=False
    )
