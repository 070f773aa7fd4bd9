"""The Open Inference Protocol, version 2, over REST, with the binary tensor extension, for Triton and KServe clients.

https://github.com/kserve/open-inference-protocol
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt
from pydantic_core import to_json

from ... import __version__
from ...bundles.manifest import Manifest
from ...model.limits import BLANK, check_reviews, is_blank
from ...model.prediction import Prediction
from ...settings import Settings
from ..body import parse, read_body
from ..errors import invalid
from ..health import check_readiness
from ..predict import score
from ..routing import PredictionRoute, ProbeRoute, PublicRoute
from ..state import MODEL_PATHS, service_of, version_of

PLATFORMS = {"tensorflow": "tensorflow_savedmodel", "numpy": "numpy"}

INPUT, OUTPUT = "text", "positive_probability"
"""The model's only input and output."""

HEADER_LENGTH = "Inference-Header-Content-Length"
LENGTH = struct.Struct("<I")
"""Precedes each element of a BYTES tensor: its length in bytes."""

TENSOR = "inputs.0"


class Parameters(BaseModel):
    """The extensions' parameters of a request, its input or its output; those that must be None are not supported."""

    binary_data_size: Annotated[StrictInt, Field(ge=0)] | None = None
    binary_data: StrictBool | None = None
    binary_data_output: StrictBool | None = None
    classification: None = None
    shared_memory_region: None = None


class HasParameters(BaseModel):
    """A part of a request; null and absent parameters mean the same. Unknown fields are accepted, as required."""

    parameters: Annotated[Parameters, BeforeValidator(lambda value: {} if value is None else value)] = Parameters()


class InferInput(HasParameters):
    """The reviews, as a tensor of shape [N], or [N, 1] with each in a list of its own or not."""

    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: Annotated[
        list[Annotated[StrictInt, Field(ge=1, lt=2**32)]], Field(min_length=1, max_length=2, fail_fast=True)
    ]
    data: list[Any] | None = None


class RequestedOutput(HasParameters):
    """The output to return."""

    name: Literal["positive_probability"]


class InferRequest(HasParameters):
    """The JSON of a request."""

    id: str | None = None
    inputs: Annotated[list[InferInput], Field(min_length=1, fail_fast=True)]
    outputs: Annotated[list[RequestedOutput] | None, Field(fail_fast=True)] = None


class Inference(NamedTuple):
    """A parsed request: its id, one or more reviews, and whether to return the probabilities as a binary tensor."""

    id: str | None
    reviews: Sequence[str]
    binary: bool


def read_inference(body: bytes, header_lengths: Sequence[str], settings: Settings) -> Inference:
    """Parse a request's body.

    Args:
        body: All of it, uncompressed.
        header_lengths: The values of Inference-Header-Content-Length: how many bytes of the body are JSON. Without the
            header, all are; if it is 0, the body is one review.
        settings: Provides the limits.

    Raises:
        InvalidRequest: The body does not match the protocol.
        TooManyReviews: There are more reviews than allowed.
        ReviewTooLong: A review is longer than allowed.
    """
    size = _size_of_json(header_lengths, len(body))
    if header_lengths and size == 0:
        inference = Inference(None, [_text(body, 0)], binary=True)
    else:
        request = parse(InferRequest, body[:size])
        if len(request.inputs) > 1:
            raise invalid("inputs", f"The model has one input, {INPUT}")
        if len(request.outputs or ()) > 1:
            raise invalid("outputs", f"The model has one output, {OUTPUT}")
        binary = request.outputs[0].parameters.binary_data if request.outputs else None
        if binary is None:
            binary = bool(request.parameters.binary_data_output)
        inference = Inference(request.id, _reviews(request.inputs[0], body[size:]), binary)
    for index, review in enumerate(inference.reviews):
        if is_blank(review):
            raise invalid(f"{TENSOR}.data.{index}", BLANK)
    check_reviews(inference.reviews, settings.max_reviews, settings.max_characters, f"{TENSOR}.data")
    return inference


def infer_response(manifest: Manifest, inference: Inference, predictions: Sequence[Prediction]) -> Response:
    """Build the response; the probabilities are float32, or in JSON the float64 of the same value."""
    probabilities = [prediction.positive_probability for prediction in predictions]
    output: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": [len(probabilities)]}
    content: dict[str, Any] = {"model_name": manifest.name, "model_version": manifest.version}
    if inference.id is not None:
        content["id"] = inference.id
    content["outputs"] = [output]
    if not inference.binary:
        output["data"] = probabilities
        return Response(to_json(content), media_type="application/json")
    binary = struct.pack(f"<{len(probabilities)}f", *probabilities)
    output["parameters"] = {"binary_data_size": len(binary)}
    header = to_json(content)
    return Response(header + binary, headers={HEADER_LENGTH: str(len(header))}, media_type="application/octet-stream")


def _size_of_json(header_lengths: Sequence[str], length: int) -> int:
    if not header_lengths:
        return length
    header_length, *others = set(header_lengths)
    if others:
        raise invalid("body", f"The header {HEADER_LENGTH} has two different values")
    # Python refuses to parse integers of more than 4,300 digits.
    if not header_length.isdecimal() or len(header_length) > 20 or int(header_length) > length:
        raise invalid("body", f"{HEADER_LENGTH} must be a number of bytes, at most the body's {length}")
    return int(header_length)


def _reviews(tensor: InferInput, binary: bytes) -> list[str]:
    count, *rest = tensor.shape
    if rest not in ([], [1]):
        raise invalid(f"{TENSOR}.shape", "This must be [N] or [N, 1], for N reviews")
    size = tensor.parameters.binary_data_size
    if (size is None) == (tensor.data is None):
        raise invalid(TENSOR, "Send the reviews either as data or, with binary_data_size, after the JSON")
    if (size or 0) != len(binary):
        raise invalid(
            f"{TENSOR}.parameters.binary_data_size",
            f"There are {len(binary)} bytes after the JSON; {HEADER_LENGTH} says where it ends",
        )
    reviews = list(_elements(binary)) if tensor.data is None else list(_texts(tensor.data, nested=bool(rest)))
    if len(reviews) != count:
        raise invalid(f"{TENSOR}.shape", f"The shape says {count} reviews, but there are {len(reviews)}")
    return reviews


def _texts(data: Sequence[Any], nested: bool) -> Iterator[str]:
    for index, element in enumerate(data):
        text = element[0] if nested and isinstance(element, list) and len(element) == 1 else element
        if not isinstance(text, str):
            raise invalid(f"{TENSOR}.data.{index}", "Input should be a valid string")
        yield text


def _elements(binary: bytes) -> Iterator[str]:
    place = index = 0
    while place < len(binary):
        start = place + LENGTH.size
        end = start + LENGTH.unpack_from(binary, place)[0] if start <= len(binary) else len(binary) + 1
        if end > len(binary):
            raise invalid(f"{TENSOR}.data.{index}", "This extends past the body; its length is a uint32, little-endian")
        yield _text(binary[start:end], index)
        place, index = end, index + 1


def _text(element: bytes, index: int) -> str:
    try:
        return element.decode()
    except UnicodeDecodeError:
        raise invalid(f"{TENSOR}.data.{index}", "This is not UTF-8") from None


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
