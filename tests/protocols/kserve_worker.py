"""Calls kserve's InferenceRESTClient as its users do. Runs in the environment of requirements/protocols.txt, imports
nothing of ours.

Each line of input is an object: `url`, `call` (a method's name), `protocol` (`v1` or `v2`), and what that call needs.
`infer` takes either `data`, sent as it is, or `request`, of which an InferRequest is made. Each line of output is
`{"value": …}` or `{"error": …}`.
"""

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, InferResponse, RESTConfig  # type: ignore[import-not-found]
from kserve.protocol.infer_type import RequestedOutput  # type: ignore[import-not-found]


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(json.loads(line))) + "\n")
        sys.stdout.flush()


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": asyncio.run(answer_to(**request))}
    except Exception as error:
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        undecoded = status is None
        return {
            "error": {"kind": type(error).__name__, "message": str(error), "status": status, "undecoded": undecoded}
        }


async def answer_to(
    url: str,
    call: str,
    protocol: str,
    model: str | None = None,
    headers: dict[str, str] | None = None,
    data: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
) -> Any:
    named = {} if model is None else {"model_name": model}
    async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
        if call == "infer":
            wanted = data if request is None else request_of(model, **request)
            value = await client.infer(url, wanted, headers=headers, **named)
        else:
            more = {} if data is None else {"data": data}
            value = await getattr(client, call)(url, headers=headers, **named, **more)
    return result(value) if isinstance(value, InferResponse) else value


def request_of(
    model: str | None,
    inputs: list[dict[str, Any]],
    request_id: str | None = None,
    parameters: dict[str, Any] | None = None,
    outputs: list[dict[str, Any]] | None = None,
) -> Any:
    return InferRequest(
        model_name=model,
        request_id=request_id,
        infer_inputs=[input_of(**one) for one in inputs],
        parameters=parameters,
        request_outputs=[RequestedOutput(one["name"], {"binary_data": one["binary"]}) for one in outputs or []] or None,
    )


def input_of(
    values: list[Any],
    how: str,
    name: str = "text",
    datatype: str = "BYTES",
    shape: list[int] | None = None,
) -> Any:
    """Make an input.

    Args:
        values: Flat.
        how: `binary` and `json` let the client convert an array; `list` is the data itself.
        name: The tensor's.
        datatype: The tensor's.
        shape: The tensor's.
    """
    shape = shape or [len(values)]
    if how == "list":
        return InferInput(name, shape, datatype, data=values)
    array = np.empty(len(values), dtype=np.object_)
    array[:] = [one.encode() for one in values]
    made = InferInput(name, shape, datatype)
    made.set_data_from_numpy(array.reshape(shape), binary_data=how == "binary")
    return made


def result(response: Any) -> Any:
    return {
        "id": response.id,
        "model_name": response.model_name,
        "outputs": [
            {
                "name": output.name,
                "datatype": output.datatype,
                "shape": output.shape,
                "data": output.data,
                "bits": output.as_numpy().astype("<f4").view("<u4").ravel().tolist(),
            }
            for output in response.outputs
        ],
    }


main()
