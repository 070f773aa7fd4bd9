"""The shapes of the protocols' requests and responses. Unknown fields are accepted, as the protocols ask for."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt, WithJsonSchema

from app.api.schemas import NOT_BLANK

INPUT = "text"
OUTPUT = "positive_probability"
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "pattern": NOT_BLANK}


class ProtocolError(BaseModel):
    """What went wrong, as clients of these protocols read it."""

    error: Annotated[str, Field(description="What is wrong with this request and what to do, for people.")]


class ServerMetadata(BaseModel):
    """What answers."""

    name: Annotated[str, Field(examples=["review-sentiment"])]
    version: str
    extensions: Annotated[list[str], Field(examples=[["binary_tensor_data"]])]


class ServerLive(BaseModel):
    """The process is alive."""

    live: bool


class ServerReady(BaseModel):
    """The service should get traffic."""

    ready: bool


class ModelReady(BaseModel):
    """The model answers."""

    name: Annotated[str, Field(examples=["imdb"])]
    ready: bool


class TensorMetadata(BaseModel):
    """An input or output of the model."""

    name: Annotated[str, Field(examples=[INPUT])]
    datatype: Annotated[str, Field(examples=["BYTES"])]
    shape: Annotated[list[int], Field(description="-1 is any number.", examples=[[-1]])]


class ModelMetadata(BaseModel):
    """What the model reads and what it answers."""

    name: Annotated[str, Field(examples=["imdb"])]
    versions: Annotated[list[str], Field(examples=[["2"]])]
    platform: Annotated[str, Field(description="What executes the network.", examples=["tensorflow_savedmodel"])]
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


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

    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: Annotated[
        list[StrictInt],
        Field(min_length=1, max_length=2, description="[N], or [N, 1], for N reviews.", examples=[[1]]),
        WithJsonSchema({"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 2}),
    ]
    data: Annotated[
        list[Any] | None,
        Field(description="The reviews; of shape [N, 1], they may stand in lists of one. Absent if they are binary."),
        WithJsonSchema({"type": "array", "items": TEXT, "examples": [["A superb film."]]}),
    ] = None
    parameters: InputParameters | None = None


class OutputParameters(BaseModel):
    """How an output should be told."""

    binary_data: Annotated[StrictBool | None, Field(description="Whether behind the JSON, as float32.")] = None
    classification: Annotated[None, Field(description="Not supported.")] = None
    shared_memory_region: Annotated[None, Field(description="Not supported.")] = None


class RequestedOutput(BaseModel):
    """An output to answer."""

    name: Literal["positive_probability"]
    parameters: OutputParameters | None = None


class InferParameters(BaseModel):
    """How to answer."""

    binary_data_output: Annotated[
        StrictBool, Field(description="Whether outputs that do not say themselves are told behind the JSON.")
    ] = False


class InferRequest(BaseModel):
    """Reviews to score, as a tensor."""

    id: Annotated[str | None, Field(description="Comes back with the response.")] = None
    inputs: Annotated[list[InferInput], Field(min_length=1, max_length=1, fail_fast=True)]
    outputs: Annotated[
        list[RequestedOutput] | None, Field(max_length=1, fail_fast=True, description="All there are, by default.")
    ] = None
    parameters: InferParameters | None = None


class OutputTensor(BaseModel):
    """One probability a review, in the order of the reviews."""

    name: Annotated[str, Field(examples=[OUTPUT])]
    datatype: Annotated[str, Field(examples=["FP32"])]
    shape: Annotated[list[int], Field(examples=[[1]])]
    data: Annotated[list[float], Field(examples=[[0.97]])]


class InferResponse(BaseModel):
    """The answer."""

    model_name: Annotated[str, Field(examples=["imdb"])]
    model_version: Annotated[str, Field(examples=["2"])]
    id: Annotated[str | None, Field(description="That of the request, if it had one.")] = None
    outputs: list[OutputTensor]


class ServedModels(BaseModel):
    """Which models there are: one."""

    models: Annotated[list[str], Field(examples=[["imdb"]])]


class VersionStatus(BaseModel):
    """Whether the version answered well."""

    error_code: Annotated[str, Field(examples=["OK"])]
    error_message: Annotated[str, Field(examples=[""])]


class ModelVersionStatus(BaseModel):
    """The state of a version."""

    version: Annotated[str, Field(examples=["2"])]
    state: Annotated[str, Field(examples=["AVAILABLE"])]
    status: VersionStatus


class ModelStatus(BaseModel):
    """The state of the model, as KServe's first protocol and as TensorFlow Serving tell it."""

    name: Annotated[str, Field(examples=["imdb"])]
    ready: bool
    model_version_status: list[ModelVersionStatus]


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


class PredictionsResponse(BaseModel):
    """One probability of being positive a review, in the order of the reviews."""

    predictions: Annotated[list[float], Field(examples=[[0.97]])]
