"""The shapes of the protocols' requests and responses. Unknown fields are accepted, as the protocols ask for."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from app.api.schemas import NOT_BLANK, Explanation

INPUT = "text"
OUTPUT = "positive_probability"
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "pattern": NOT_BLANK}


class ProtocolError(BaseModel):
    """What went wrong, as clients of these protocols read it."""

    error: Annotated[str, Field(description="What is wrong with this request and what to do, for people.")]


class ServerMetadata(BaseModel):
    """What answers."""

    name: Annotated[str, Field(description="The service's name.", examples=["review-sentiment"])]
    version: Annotated[str, Field(description="The service's version.", examples=["0.1.0"])]
    extensions: Annotated[
        list[str], Field(description="Extensions of the protocol that it knows.", examples=[["binary_tensor_data"]])
    ]


class ServerLive(BaseModel):
    """The process is alive."""

    live: Annotated[bool, Field(description="Always true.", examples=[True])]


class ServerReady(BaseModel):
    """The service should get traffic."""

    ready: Annotated[bool, Field(description="Always true; until then the status is 503.", examples=[True])]


class ModelReady(BaseModel):
    """The model answers."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    ready: Annotated[bool, Field(description="Always true; until then the status is 503.", examples=[True])]


class TensorMetadata(BaseModel):
    """An input or output of the model."""

    name: Annotated[str, Field(description="Its name.", examples=[INPUT])]
    datatype: Annotated[str, Field(description="Of its elements.", examples=["BYTES"])]
    shape: Annotated[list[int], Field(description="-1 is any number.", examples=[[-1]])]


class ModelMetadata(BaseModel):
    """What the model reads and what it answers."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    versions: Annotated[list[str], Field(description="The one that is served.", examples=[["2"]])]
    platform: Annotated[str, Field(description="What executes the network.", examples=["tensorflow_savedmodel"])]
    inputs: Annotated[list[TensorMetadata], Field(description="One: the reviews.")]
    outputs: Annotated[list[TensorMetadata], Field(description="One: the probabilities.")]


class InputParameters(BaseModel):
    """How an input is told."""

    binary_data_size: Annotated[
        StrictInt | None,
        Field(
            ge=0, description="Bytes of it behind the JSON, each element as its length (uint32, little-endian) and it."
        ),
    ] = None


class InferInput(BaseModel):
    """The reviews."""

    name: Annotated[Literal["text"], Field(description="The model's only input.")]
    datatype: Annotated[Literal["BYTES"], Field(description="Of its elements: texts in UTF-8.")]
    shape: Annotated[
        list[Annotated[StrictInt, Field(ge=1, lt=2**32)]],
        Field(min_length=1, max_length=2, fail_fast=True, description="[N], or [N, 1], for N reviews.", examples=[[1]]),
    ]
    data: Annotated[
        list[Any] | None,
        Field(description="The reviews; of shape [N, 1], they may stand in lists of one. Absent if they are binary."),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 1}]},
                "examples": [["A superb film."]],
            }
        ),
    ] = None
    parameters: Annotated[InputParameters | None, Field(description="How it is told.")] = None


class OutputParameters(BaseModel):
    """How an output should be told."""

    binary_data: Annotated[StrictBool | None, Field(description="Whether behind the JSON, as float32.")] = None
    classification: Annotated[None, Field(description="Not supported.")] = None
    shared_memory_region: Annotated[None, Field(description="Not supported.")] = None


class RequestedOutput(BaseModel):
    """An output to answer."""

    name: Annotated[Literal["positive_probability"], Field(description="The model's only output.")]
    parameters: Annotated[OutputParameters | None, Field(description="How it should be told.")] = None


class InferParameters(BaseModel):
    """How to answer."""

    binary_data_output: Annotated[
        StrictBool, Field(description="Whether outputs that do not say themselves are told behind the JSON.")
    ] = False


class InferRequest(BaseModel):
    """Reviews to score, as a tensor."""

    id: Annotated[str | None, Field(description="Comes back with the response.")] = None
    inputs: Annotated[
        list[InferInput],
        Field(min_length=1, fail_fast=True, description="One: the reviews.", json_schema_extra={"maxItems": 1}),
    ]
    outputs: Annotated[
        list[RequestedOutput] | None,
        Field(fail_fast=True, description="The one there is, by default.", json_schema_extra={"maxItems": 1}),
    ] = None
    parameters: Annotated[InferParameters | None, Field(description="How to answer.")] = None


class OutputTensor(BaseModel):
    """One probability a review, in the order of the reviews."""

    name: Annotated[str, Field(description="Its name.", examples=[OUTPUT])]
    datatype: Annotated[str, Field(description="Of its elements.", examples=["FP32"])]
    shape: Annotated[list[int], Field(description="[N], for N reviews.", examples=[[1]])]
    data: Annotated[list[float], Field(description="In the order of the reviews.", examples=[[0.97]])]


class InferResponse(BaseModel):
    """The answer."""

    model_name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    model_version: Annotated[str, Field(description="Its version.", examples=["2"])]
    id: Annotated[str | None, Field(description="That of the request, if it had one.")] = None
    outputs: Annotated[list[OutputTensor], Field(description="One: the probabilities.")]


class ServedModels(BaseModel):
    """Which models there are: one."""

    models: Annotated[list[str], Field(description="The bundle's name.", examples=[["imdb"]])]


class VersionStatus(BaseModel):
    """Whether the version answered well."""

    error_code: Annotated[str, Field(description="Always OK.", examples=["OK"])]
    error_message: Annotated[str, Field(description="Always empty.", examples=[""])]


class ModelVersionStatus(BaseModel):
    """The state of a version."""

    version: Annotated[str, Field(description="Of the bundle.", examples=["2"])]
    state: Annotated[str, Field(description="Always AVAILABLE; until then the status is 503.", examples=["AVAILABLE"])]
    status: Annotated[VersionStatus, Field(description="Whether it is well.")]


class ModelStatus(BaseModel):
    """The state of the model, as KServe's first protocol and as TensorFlow Serving tell it."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    ready: Annotated[bool, Field(description="Always true; until then the status is 503.", examples=[True])]
    model_version_status: Annotated[list[ModelVersionStatus], Field(description="One: of the served version.")]


class InstancesRequest(BaseModel):
    """Reviews to score, a row each."""

    instances: Annotated[
        list[Any],
        Field(min_length=1, description='Reviews, each as a text or as `{"text": "…"}`.'),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"anyOf": [TEXT, {"type": "object", "properties": {INPUT: TEXT}, "required": [INPUT]}]},
                "minItems": 1,
                "examples": [["A superb film."]],
            }
        ),
    ]
    inputs: SkipJsonSchema[Any] = None
    """TensorFlow Serving's other form, of columns; not supported, and not to be overlooked beside `instances`."""


class InstanceExplanationsResponse(BaseModel):
    """One explanation a review, in the order of the reviews."""

    explanations: Annotated[list[Explanation], Field(description="In the order of the reviews.")]


class InstanceProbabilitiesResponse(BaseModel):
    """One probability of being positive a review, in the order of the reviews."""

    predictions: Annotated[list[float], Field(description="In the order of the reviews.", examples=[[0.97]])]
