"""Request and response models of other protocols. Unknown fields are accepted, as these protocols require."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from app.api.schemas import NOT_BLANK
from app.inference.explanation import Explanation

INPUT = "text"
OUTPUT = "positive_probability"
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "pattern": NOT_BLANK}


class ProtocolError(BaseModel):
    """An error, in the form that clients of these protocols expect."""

    error: Annotated[str, Field(description="What is wrong with this request and how to resolve it, for humans.")]


class ServerMetadata(BaseModel):
    """The server's metadata."""

    name: Annotated[str, Field(description="The service's name.", examples=["review-sentiment"])]
    version: Annotated[str, Field(description="The service's version.", examples=["0.1.0"])]
    extensions: Annotated[
        list[str], Field(description="Supported extensions of the protocol.", examples=[["binary_tensor_data"]])
    ]


class ServerLive(BaseModel):
    """The process is alive."""

    live: Annotated[bool, Field(description="Always true.", examples=[True])]


class ServerReady(BaseModel):
    """The service should get traffic."""

    ready: Annotated[bool, Field(description="Always true; a service that is stopping returns 503.", examples=[True])]


class ModelReady(BaseModel):
    """The model should get traffic."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    ready: Annotated[bool, Field(description="Always true; a service that is stopping returns 503.", examples=[True])]


class TensorMetadata(BaseModel):
    """An input or output of the model."""

    name: Annotated[str, Field(description="The tensor's name.", examples=[INPUT])]
    datatype: Annotated[str, Field(description="Data type of the elements.", examples=["BYTES"])]
    shape: Annotated[list[int], Field(description="The shape; -1 stands for any size.", examples=[[-1]])]


class ModelMetadata(BaseModel):
    """The model's inputs and outputs."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    versions: Annotated[list[str], Field(description="The served version.", examples=[["3"]])]
    platform: Annotated[
        str, Field(description="The runtime that executes the network.", examples=["tensorflow_savedmodel"])
    ]
    inputs: Annotated[list[TensorMetadata], Field(description="A single tensor, the reviews.")]
    outputs: Annotated[list[TensorMetadata], Field(description="A single tensor, the probabilities.")]


class InputParameters(BaseModel):
    """How an input is encoded."""

    binary_data_size: Annotated[
        StrictInt | None,
        Field(
            ge=0,
            description="Size of the input in bytes, if it follows the JSON. Each element is its length (uint32, "
            "little-endian) followed by its bytes.",
        ),
    ] = None


class InferInput(BaseModel):
    """The reviews, as a tensor."""

    name: Annotated[Literal["text"], Field(description="The model's only input.")]
    datatype: Annotated[Literal["BYTES"], Field(description="Data type of the elements: UTF-8 texts.")]
    shape: Annotated[
        list[Annotated[StrictInt, Field(ge=1, lt=2**32)]],
        Field(min_length=1, max_length=2, fail_fast=True, description="[N] or [N, 1] for N reviews.", examples=[[1]]),
    ]
    data: Annotated[
        list[Any] | None,
        Field(
            description="The reviews; for shape [N, 1], each may be in a list of its own. Absent if they are binary."
        ),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 1}]},
                "examples": [["A superb film."]],
            }
        ),
    ] = None
    parameters: Annotated[InputParameters | None, Field(description="How the input is encoded.")] = None


class OutputParameters(BaseModel):
    """How to encode an output."""

    binary_data: Annotated[
        StrictBool | None, Field(description="Whether to append the output to the JSON, as float32.")
    ] = None
    classification: Annotated[None, Field(description="Not supported.")] = None
    shared_memory_region: Annotated[None, Field(description="Not supported.")] = None


class RequestedOutput(BaseModel):
    """An output to return."""

    name: Annotated[Literal["positive_probability"], Field(description="The model's only output.")]
    parameters: Annotated[OutputParameters | None, Field(description="How to encode the output.")] = None


class InferParameters(BaseModel):
    """How to encode the response."""

    binary_data_output: Annotated[
        StrictBool,
        Field(description="Whether to append outputs to the JSON, unless they set `binary_data` themselves."),
    ] = False


class InferRequest(BaseModel):
    """Reviews to score, as a tensor."""

    id: Annotated[str | None, Field(description="Returned with the response.")] = None
    inputs: Annotated[
        list[InferInput],
        Field(
            min_length=1, fail_fast=True, description="A single tensor, the reviews.", json_schema_extra={"maxItems": 1}
        ),
    ]
    outputs: Annotated[
        list[RequestedOutput] | None,
        Field(
            fail_fast=True,
            description="A single output, the probabilities; this is the default.",
            json_schema_extra={"maxItems": 1},
        ),
    ] = None
    parameters: Annotated[InferParameters | None, Field(description="How to encode the response.")] = None


class OutputTensor(BaseModel):
    """One probability per review, in the same order as the reviews."""

    name: Annotated[str, Field(description="The tensor's name.", examples=[OUTPUT])]
    datatype: Annotated[str, Field(description="Data type of the elements.", examples=["FP32"])]
    shape: Annotated[list[int], Field(description="[N] for N reviews.", examples=[[1]])]
    data: Annotated[list[float], Field(description="One per review, in the same order.", examples=[[0.99]])]


class InferResponse(BaseModel):
    """Probabilities, as a tensor."""

    model_name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    model_version: Annotated[str, Field(description="The bundle's version.", examples=["3"])]
    id: Annotated[str | None, Field(description="The id of the request, if it had one.")] = None
    outputs: Annotated[list[OutputTensor], Field(description="A single tensor, the probabilities.")]


class ServedModels(BaseModel):
    """The served models."""

    models: Annotated[list[str], Field(description="A single name, that of the bundle.", examples=[["imdb"]])]


class VersionStatus(BaseModel):
    """The status of a version, in TensorFlow Serving's format."""

    error_code: Annotated[str, Field(description="Always OK.", examples=["OK"])]
    error_message: Annotated[str, Field(description="Always empty.", examples=[""])]


class ModelVersionStatus(BaseModel):
    """The state of a version."""

    version: Annotated[str, Field(description="The bundle's version.", examples=["3"])]
    state: Annotated[
        str, Field(description="Always AVAILABLE; a service that is stopping returns 503.", examples=["AVAILABLE"])
    ]
    status: Annotated[VersionStatus, Field(description="Always OK.")]


class ModelStatus(BaseModel):
    """The state of the model, with the fields of both TensorFlow Serving and KServe v1."""

    name: Annotated[str, Field(description="The bundle's name.", examples=["imdb"])]
    ready: Annotated[bool, Field(description="Always true; a service that is stopping returns 503.", examples=[True])]
    model_version_status: Annotated[
        list[ModelVersionStatus],
        Field(description="The served versions, the default first; with a version in the path, only that one."),
    ]


class InstancesRequest(BaseModel):
    """Reviews to score, one per instance."""

    instances: Annotated[
        list[Any],
        Field(min_length=1, description='Reviews, each either a text or `{"text": "…"}`.'),
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
    """TensorFlow Serving's columnar format. It is not supported, and requests that use it are rejected."""


class InstanceExplanationsResponse(BaseModel):
    """One explanation per review, in the same order as the reviews."""

    explanations: Annotated[list[Explanation], Field(description="One per review, in the same order.")]


class InstanceProbabilitiesResponse(BaseModel):
    """The probability of being positive for each review, in the same order as the reviews."""

    predictions: Annotated[list[float], Field(description="One per review, in the same order.", examples=[[0.99]])]
