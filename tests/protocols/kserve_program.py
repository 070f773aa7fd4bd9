"""Calls kserve's InferenceRESTClient as its users do, over both protocols; `test_clients.py` runs it with unittest."""

import asyncio
import os
import unittest
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig  # type: ignore[import-not-found]
from kserve.protocol.infer_type import RequestedOutput  # type: ignore[import-not-found]

from tests.protocols.expectations import INPUT, MODEL, OUTPUT, REVIEWS, SECRET, predicted, rounded

SERVICE = os.environ.get("SERVICE", "")


def call(protocol: str, method: str, *arguments: Any, **options: Any) -> Any:
    async def run() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            return await getattr(client, method)(SERVICE, *arguments, **options)

    return asyncio.run(run())


def error(status: int, *arguments: Any, **options: Any) -> str:
    """The message of the error that a call raises: the service's own, and the status."""
    caught = None
    try:
        call(*arguments, **options)
    except httpx.HTTPStatusError as error:
        caught = error
    assert caught is not None
    assert caught.response.status_code == status, caught
    assert str(caught).startswith(f"{caught.response.json()['error']}, '{status} ")
    assert SECRET not in str(caught)
    return str(caught)


def request(*reviews: str, binary: bool = False, outputs: list[Any] | None = None) -> Any:
    tensor = InferInput(INPUT, [len(reviews)], "BYTES")
    tensor.set_data_from_numpy(np.array([review.encode() for review in reviews], np.object_), binary_data=binary)
    return InferRequest(model_name=MODEL, infer_inputs=[tensor], request_id="7", request_outputs=outputs)


def probabilities(response: Any) -> list[float]:
    (output,) = response.outputs
    assert (output.name, output.datatype) == (OUTPUT, "FP32")
    return [float(probability) for probability in output.as_numpy()]


class InferenceRESTClientChecks(unittest.TestCase):
    def test_health(self) -> None:
        assert call("v2", "is_server_ready") is True
        for protocol in ("v1", "v2"):
            assert call(protocol, "is_server_live") is True
            assert call(protocol, "is_model_ready", MODEL) is True

    def test_unknown_model_is_an_error(self) -> None:
        assert call("v2", "is_model_ready", "other") is False
        error(404, "v1", "is_model_ready", "other")
        error(404, "v2", "infer", request("a"), "other")
        error(404, "v1", "infer", {"instances": ["a"]}, "other")

    def test_infer_returns_the_probabilities_of_predict(self) -> None:
        expected = predicted(SERVICE, REVIEWS)
        for binary in (True, False):
            for outputs in (None, [RequestedOutput(OUTPUT, {"binary_data": binary})]):
                response = call("v2", "infer", request(*REVIEWS, binary=binary, outputs=outputs), MODEL)
                assert (response.id, response.model_name) == ("7", MODEL)
                assert probabilities(response) == expected
        response = call("v1", "infer", {"instances": REVIEWS}, MODEL)
        assert rounded(response["predictions"]) == expected

    def test_invalid_request_is_an_error_with_its_reason(self) -> None:
        for binary in (True, False):
            sent = request(*[SECRET] * 9, binary=binary)
            assert "8 reviews; this one has 9" in error(400, "v2", "infer", sent, MODEL)
        assert "20000 bytes" in error(413, "v2", "infer", request(SECRET * 2500), MODEL)
        assert "instances.0" in error(400, "v1", "infer", {"instances": [1]}, MODEL)

    def test_explain_returns_the_explanations_of_explain(self) -> None:
        reviews = ["A superb film", "dull"]
        explanations = httpx.post(f"{SERVICE}/explain", json={"reviews": reviews}).json()["explanations"]
        response = call("v1", "explain", model_name=MODEL, data={"instances": reviews})
        assert response == {"explanations": explanations}
