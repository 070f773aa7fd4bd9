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

SERVICE, GUARDED, DRAINING, VERSIONS = (
    os.environ.get(name, "") for name in ("SERVICE", "GUARDED", "DRAINING", "VERSIONS")
)
AUTHORIZATION = {"Authorization": f"Bearer {os.environ.get('KEY')}"}


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

    def call(self, url: str, method: str, **arguments: Any) -> Any:
        raise NotImplementedError

    def infer(self, *inputs: Any, url: str = SERVICE, **arguments: Any) -> Any:
        return self.call(url, "infer", **{"model_name": MODEL, "inputs": list(inputs), **arguments})

    def error(self, method: str, status: int, url: str = SERVICE, **arguments: Any) -> str:
        """The message of the error that a call raises."""
        error = None
        try:
            self.call(url, method, **arguments)
        except InferenceServerException as raised:
            error = raised
        assert error is not None
        assert error.debug_details() is None, error  # otherwise the client could not read the response
        assert error.status() == str(status), error
        assert SECRET not in error.message()
        return str(error.message())

    def test_health_and_metadata(self) -> None:
        assert self.call(SERVICE, "is_server_live") is True
        assert self.call(SERVICE, "is_server_ready") is True
        assert "binary_tensor_data" in self.call(SERVICE, "get_server_metadata")["extensions"]
        for version in ("", VERSION):
            model = {"model_name": MODEL, "model_version": version}
            assert self.call(SERVICE, "is_model_ready", **model) is True
            assert self.call(SERVICE, "get_model_metadata", **model) == METADATA | {"platform": "numpy"}

    def test_unknown_model_is_an_error(self) -> None:
        for name, version in (("other", ""), (MODEL, "9"), ("ä/ö", VERSION)):
            model = {"model_name": name, "model_version": version}
            assert self.call(SERVICE, "is_model_ready", **model) is False
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

    def test_each_version_is_reachable(self) -> None:
        assert self.call(VERSIONS, "get_model_metadata", model_name=MODEL)["versions"] == ["2", "1"]
        found = {}
        for version in ("1", "2"):
            result = self.infer(tensor(*REVIEWS), url=VERSIONS, model_version=version)
            assert result.get_response()["model_version"] == version
            found[version] = probabilities(result)
            assert found[version] == predicted(VERSIONS, REVIEWS, version=version)
        assert found["1"] != found["2"] == probabilities(self.infer(tensor(*REVIEWS), url=VERSIONS))

    def test_compressed_request_is_decompressed(self) -> None:
        expected = predicted(SERVICE, REVIEWS)
        for algorithm in ("gzip", "deflate"):
            for binary in (True, False):
                result = self.infer(
                    tensor(*REVIEWS, binary=binary),
                    request_compression_algorithm=algorithm,
                    response_compression_algorithm=algorithm,
                )
                assert probabilities(result) == expected

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

    def test_key_is_required(self) -> None:
        assert self.call(GUARDED, "is_server_ready") is True
        assert self.call(GUARDED, "is_model_ready", model_name=MODEL) is False
        message = self.error("infer", 401, url=GUARDED, model_name=MODEL, inputs=[tensor("superb")])
        assert "Authorization: Bearer" in message
        assert self.call(GUARDED, "is_model_ready", model_name=MODEL, headers=AUTHORIZATION) is True
        result = self.infer(tensor("superb"), url=GUARDED, headers=dict(AUTHORIZATION))  # it adds headers
        assert probabilities(result) == predicted(GUARDED, ["superb"], AUTHORIZATION)

    def test_draining_server_is_live_but_not_ready(self) -> None:
        assert self.call(DRAINING, "is_server_live") is True
        assert self.call(DRAINING, "is_server_ready") is False
        assert self.call(DRAINING, "is_model_ready", model_name=MODEL) is False
        assert len(probabilities(self.infer(tensor("superb"), url=DRAINING))) == 1


class Synchronous(Checks, unittest.TestCase):
    def call(self, url: str, method: str, **arguments: Any) -> Any:
        with triton.InferenceServerClient(url.removeprefix("http://")) as client:
            return getattr(client, method)(**arguments)


class Asynchronous(Checks, unittest.TestCase):
    def call(self, url: str, method: str, **arguments: Any) -> Any:
        async def run() -> Any:
            async with triton_aio.InferenceServerClient(url.removeprefix("http://")) as client:
                return await getattr(client, method)(**arguments)

        return asyncio.run(run())
