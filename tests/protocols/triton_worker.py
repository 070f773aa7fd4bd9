"""Calls tritonclient as its users do. Runs in the environment of requirements/protocols.txt, imports nothing of ours.

Each line of input is an object: `url`, `client` (`sync` or `aio`), `call` (a method's name) and `arguments`, of which
`inputs` are described as `input_of` reads them. Each line of output is `{"value": …}` or `{"error": …}`. `async_infer`
and, of many calls of `infer` at once, `gather` take a list `requests` of arguments, and answer a list of both.
"""

import asyncio
import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton  # type: ignore[import-not-found]
import tritonclient.http.aio as triton_aio  # type: ignore[import-not-found]
from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found]


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(json.loads(line))) + "\n")
        sys.stdout.flush()


def outcome(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"value": answer_to(request)}
    except Exception as error:
        return {"error": described(error)}


def described(error: Exception) -> dict[str, Any]:
    known = isinstance(error, InferenceServerException)
    return {
        "kind": type(error).__name__,
        "message": error.message() if known else str(error),  # type: ignore[attr-defined]
        "status": int(error.status()) if known and error.status() else None,  # type: ignore[attr-defined]
        "undecoded": not known or error.debug_details() is not None,  # type: ignore[attr-defined]
    }


def answer_to(request: dict[str, Any]) -> Any:
    url, call = request["url"].removeprefix("http://"), request["call"]
    if call == "generate_request_body":
        body, header_length = triton.InferenceServerClient.generate_request_body(**arguments_of(request["arguments"]))
        return {"body": body.hex(), "header_length": header_length}
    if call == "parse_response_body":
        body = bytes.fromhex(request["body"])
        return result(triton.InferenceServerClient.parse_response_body(body, header_length=request["header_length"]))
    if request["client"] == "aio":
        return asyncio.run(answer_aio(url, call, request))
    with triton.InferenceServerClient(url, concurrency=8) as client:
        if call == "async_infer":
            pending = [client.async_infer(**arguments_of(arguments)) for arguments in request["requests"]]
            return [later(one) for one in pending]
        return result(getattr(client, call)(**arguments_of(request["arguments"])))


async def answer_aio(url: str, call: str, request: dict[str, Any]) -> Any:
    async with triton_aio.InferenceServerClient(url) as client:
        if call == "gather":
            pending = [client.infer(**arguments_of(arguments)) for arguments in request["requests"]]
            answers = await asyncio.gather(*pending, return_exceptions=True)
            return [
                {"error": described(one)} if isinstance(one, Exception) else {"value": result(one)} for one in answers
            ]
        return result(await getattr(client, call)(**arguments_of(request["arguments"])))


def later(pending: Any) -> dict[str, Any]:
    try:
        return {"value": result(pending.get_result())}
    except Exception as error:
        return {"error": described(error)}


def arguments_of(arguments: dict[str, Any]) -> dict[str, Any]:
    made = dict(arguments)
    if "inputs" in made:
        made["inputs"] = [input_of(**description) for description in made["inputs"]]
    if "outputs" in made:
        made["outputs"] = [triton.InferRequestedOutput(**description) for description in made["outputs"]]
    return made


def input_of(
    values: list[Any],
    name: str = "text",
    datatype: str = "BYTES",
    binary: bool = True,
    shape: list[int] | None = None,
    claimed: list[int] | None = None,
) -> Any:
    """Make an input of texts, {"hex": …} for bytes that are no text, or numbers.

    Args:
        values: Flat.
        name: The tensor's.
        datatype: The tensor's.
        binary: How to send it.
        shape: Of the array that the client gets.
        claimed: The shape to send, where it differs from that.
    """
    if datatype == "BYTES":
        elements = [bytes.fromhex(one["hex"]) if isinstance(one, dict) else one.encode() for one in values]
        array = np.empty(len(elements), dtype=np.object_)
        array[:] = elements
    else:
        array = np.array(values, dtype=np.float32)
    array = array.reshape(shape or [len(values)])
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    if claimed is not None:
        made.set_shape(claimed)
    return made


def result(value: Any) -> Any:
    """What is in an InferResult; anything else as it is."""
    if not isinstance(value, triton.InferResult):
        return value
    response = value.get_response()
    tensors = {}
    for output in response["outputs"]:
        array = value.as_numpy(output["name"])
        tensors[output["name"]] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "bits": array.astype("<f4").view("<u4").ravel().tolist(),
        }
    return {"response": response, "tensors": tensors}


main()
