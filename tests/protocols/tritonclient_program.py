"""Calls tritonclient as its users do, with and without asyncio; `test_clients.py` runs it with unittest."""

import asyncio
import os
import re
import unittest
from typing import Any

import numpy as np
import tritonclient.http as triton  # type: ignore[import-not-found]
import tritonclient.http.aio as triton_aio  # type: ignore[import-not-found]
from tritonclient.utils import InferenceServerException  # type: ignore[import-not-found]

from tests.protocols.expectations import INPUT, METADATA, MODEL, OUTPUT, REVIEWS, SECRET, VERSION, predicted

SERVICE = os.environ.get("SERVICE", "")


def tensor(*reviews: str | bytes, name: str = INPUT, binary: bool = True, column: bool = False) -> Any:
    elements = [review.encode() if isinstance(review, str) else review for review in reviews]
    array = np.array(elements, dtype=np.object_).reshape([-1, 1] if column else [-1])
    tensor = triton.InferInput(name, array.shape, "BYTES")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def probabilities(result: Any) -> list[float]:
    array = result.as_numpy(OUTPUT)
    assert array.dtype == np.float32
    return [float(probability) for probability in array]


class Checks:
    """What both forms of the client expect; subclasses say how to call it."""

    def call(self, method: str, **arguments: Any) -> Any:
        raise NotImplementedError

    def infer(self, *inputs: Any, **arguments: Any) -> Any:
        return self.call("infer", **{"model_name": MODEL, "inputs": list(inputs), **arguments})

    def error(self, method: str, status: int, **arguments: Any) -> str:
        """The message of the error that a call raises."""
        error = None
        try:
            self.call(method, **arguments)
        except InferenceServerException as raised:
            error = raised
        assert error is not None
        assert error.debug_details() is None, error  # otherwise the client could not read the response
        assert error.status() == str(status), error
        assert SECRET not in error.message()
        return str(error.message())

    def test_health_and_metadata(self) -> None:
        assert self.call("is_server_live") is True
        assert self.call("is_server_ready") is True
        assert "binary_tensor_data" in self.call("get_server_metadata")["extensions"]
        for version in ("", VERSION):
            model = {"model_name": MODEL, "model_version": version}
            assert self.call("is_model_ready", **model) is True
            assert self.call("get_model_metadata", **model) == METADATA | {"platform": "numpy"}

    def test_unknown_model_is_an_error(self) -> None:
        for name, version in (("other", ""), (MODEL, "9"), ("ä/ö", VERSION)):
            model = {"model_name": name, "model_version": version}
            assert self.call("is_model_ready", **model) is False
            self.error("get_model_metadata", 404, **model)
            self.error("infer", 404, inputs=[tensor("a")], **model)

    def test_infer_returns_the_probabilities_of_predict(self) -> None:
        expected = predicted(SERVICE, REVIEWS)
        for binary, binary_output, column in ((True, True, False), (False, False, False), (True, None, True)):
            outputs = None if binary_output is None else [triton.InferRequestedOutput(OUTPUT, binary_output)]
            result = self.infer(tensor(*REVIEWS, binary=binary, column=column), outputs=outputs, request_id="Ä “1”")
            assert probabilities(result) == expected
            assert ("data" in result.get_output(OUTPUT)) is (binary_output is False)
            response = result.get_response()
            assert (response["model_name"], response["model_version"], response["id"]) == (MODEL, VERSION, "Ä “1”")

    def test_compressed_request_is_decompressed(self) -> None:
        expected = predicted(SERVICE, REVIEWS)
        for algorithm, binary in (("gzip", True), ("deflate", False)):
            compression = {f"{name}_compression_algorithm": algorithm for name in ("request", "response")}
            assert probabilities(self.infer(tensor(*REVIEWS, binary=binary), **compression)) == expected

    def test_invalid_request_is_an_error_with_its_reason(self) -> None:
        for inputs, status, reason in (
            ([tensor("a", name="review")], 400, INPUT),
            ([tensor(*[SECRET] * 9)], 400, "8 reviews; this one has 9"),
            ([tensor(SECRET.encode() + b"\xff")], 400, "UTF-8"),
            ([tensor(SECRET * 2500)], 413, "20000 bytes"),
        ):
            assert re.search(reason, self.error("infer", status, model_name=MODEL, inputs=inputs))
        bomb: dict[str, Any] = {"inputs": [tensor("a" * 5_000_000)], "request_compression_algorithm": "gzip"}
        assert "20000 bytes" in self.error("infer", 413, model_name=MODEL, **bomb)


class Synchronous(Checks, unittest.TestCase):
    def call(self, method: str, **arguments: Any) -> Any:
        with triton.InferenceServerClient(SERVICE.removeprefix("http://")) as client:
            return getattr(client, method)(**arguments)


class Asynchronous(Checks, unittest.TestCase):
    def call(self, method: str, **arguments: Any) -> Any:
        async def run() -> Any:
            async with triton_aio.InferenceServerClient(SERVICE.removeprefix("http://")) as client:
                return await getattr(client, method)(**arguments)

        return asyncio.run(run())
