"""The Open Inference Protocol without a client: JSON, binary tensors, compression and errors.

Sources: kserve/open-inference-protocol, `inference_rest.md`; triton-inference-server/server,
`docs/protocol/extension_binary_data.md` and, for requests without a header, `src/http_server.cc`.
"""

import gzip
import json
import re
import struct
import zlib
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import httpx
import pytest

from tests.memory import taking_at_most
from tests.protocols.expectations import (
    INPUT,
    METADATA,
    MODEL,
    OUTPUT,
    REVIEWS,
    SECRET,
    VERSION,
    bytes_tensor,
    error_of,
    predicted,
    rounded,
)
from tests.servers import Server

ROOT = f"/v2/models/{MODEL}"
VERSIONED = f"{ROOT}/versions/{VERSION}"
LENGTH = "Inference-Header-Content-Length"


def tensor(*reviews: str, **fields: Any) -> dict[str, Any]:
    """An input; fields that are None are omitted."""
    described = {"name": INPUT, "shape": [len(reviews)], "datatype": "BYTES", "data": reviews, **fields}
    return {name: value for name, value in described.items() if value is not None}


def body(*reviews: str, **fields: Any) -> dict[str, Any]:
    return {"inputs": [tensor(*reviews)], **fields}


def framed(request: Any, rest: bytes) -> dict[str, Any]:
    """Arguments for httpx: JSON, the header with its length, and what follows it."""
    head = json.dumps(request).encode()
    return {"content": head + rest, "headers": {LENGTH: str(len(head))}}


def binary(*elements: bytes, rest: bytes | None = None, request: Any = None, **fields: Any) -> dict[str, Any]:
    """Arguments for httpx: a binary tensor, `rest` unless it is made of the elements."""
    rest = bytes_tensor(*elements) if rest is None else rest
    described = {"shape": [len(elements)], "data": None, "parameters": {"binary_data_size": len(rest)}, **fields}
    return framed({"inputs": [tensor(**described)]} | (request or {}), rest)


def encoded(encoding: str, content: bytes, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Encoding": encoding, **(headers or {})}}


def probabilities_in(response: httpx.Response) -> list[float]:
    """Check a response, which may be binary, and return its probabilities."""
    assert response.status_code == 200, response.text[:1000]
    assert response.headers["X-Request-ID"]
    length = response.headers.get(LENGTH)
    described = json.loads(response.content if length is None else response.content[: int(length)])
    assert (described["model_name"], described["model_version"]) == (MODEL, VERSION)
    (output,) = described["outputs"]
    assert (output["name"], output["datatype"]) == (OUTPUT, "FP32")
    if length is None:
        assert response.headers["Content-Type"] == "application/json"
        probabilities = output["data"]
    else:
        assert response.headers["Content-Type"] == "application/octet-stream"
        rest = response.content[int(length) :]
        assert output["parameters"] == {"binary_data_size": len(rest)}
        probabilities = struct.unpack(f"<{len(rest) // 4}f", rest)
    assert output["shape"] == [len(probabilities)]
    return rounded(probabilities)


@pytest.fixture(scope="module")
def connection(limited: Server) -> Iterator[httpx.Client]:
    """One connection for all requests, so that none may leave anything behind; the log has no errors or reviews."""
    with httpx.Client(base_url=limited.url, timeout=30) as client:
        yield client
        client.get("/v2", headers={"X-Request-ID": "end-of-open-inference"})
    limited.wait_for("end-of-open-inference")
    assert SECRET not in "".join(limited.lines)
    assert not [line for line in limited.logs() if line["level"] in ("error", "critical")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2", {"extensions": ["binary_tensor_data"]}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        (f"{ROOT}/ready", {"name": MODEL, "ready": True}),
        (f"{VERSIONED}/ready", {"name": MODEL, "ready": True}),
        (ROOT, METADATA),
        (VERSIONED, METADATA),
    ],
)
def test_get_describes_the_server_and_the_model(server: Server, path: str, expected: dict[str, Any]) -> None:
    response = httpx.get(f"{server.url}{path}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().items() >= expected.items()


ELEMENTS = [review.encode() for review in REVIEWS]
COLUMN = [len(REVIEWS), 1]
BODY = json.dumps(body(*REVIEWS)).encode()
BINARY = binary(*ELEMENTS)
EXTRA = {"more": {"a": [1, None]}}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

FORMS: dict[str, dict[str, Any]] = {
    "flat": {"json": body(*REVIEWS)},
    "nested column": {"json": {"inputs": [tensor(shape=COLUMN, data=[[review] for review in REVIEWS])]}},
    "binary": BINARY,
    "binary, the same header twice": {**BINARY, "headers": [*BINARY["headers"].items()] * 2},
    "binary column": binary(*ELEMENTS, shape=COLUMN),
    "header, nothing binary": framed(body(*REVIEWS), b""),
    "type of a form, as curl sends": {"content": BODY, "headers": FORM},
    "gzip, binary": encoded("gzip", gzip.compress(BINARY["content"]), BINARY["headers"]),
    "deflate": encoded("deflate", zlib.compress(BODY)),
    "unknown fields": {"json": {"inputs": [tensor(*REVIEWS, **EXTRA, parameters=EXTRA)], **EXTRA, "parameters": EXTRA}},
    "unknown fields of an output": {"json": body(*REVIEWS, outputs=[{"name": OUTPUT, **EXTRA, "parameters": EXTRA}])},
    "no outputs": {"json": body(*REVIEWS, id=None, outputs=[], parameters=None)},
}


@pytest.mark.parametrize("form", FORMS)
def test_infer_returns_the_probabilities_of_predict(limited: Server, form: str) -> None:
    response = httpx.post(f"{limited.url}{VERSIONED if form == 'flat' else ROOT}/infer", **FORMS[form])
    assert probabilities_in(response) == predicted(limited.url, REVIEWS)
    assert response.json().keys() == {"model_name", "model_version", "outputs"}


def output(**parameters: object) -> dict[str, Any]:
    return {"outputs": [{"name": OUTPUT, "parameters": parameters}]}


@pytest.mark.parametrize("sent_binary", [False, True])
@pytest.mark.parametrize(
    ("request_binary", "output_binary", "expected"),
    [
        (None, True, True),
        (True, None, True),
        (True, False, False),  # the output's own parameter takes precedence
        (False, True, True),
    ],
)
def test_infer_encodes_outputs_as_requested(
    limited: Server, sent_binary: bool, request_binary: bool | None, output_binary: bool | None, expected: bool
) -> None:
    fields = {"id": "Ä “\U0001f600”", "parameters": {"binary_data_output": request_binary}}
    fields |= output(binary_data=output_binary)
    sent = binary(*ELEMENTS, request=fields) if sent_binary else {"json": body(*REVIEWS, **fields)}
    response = httpx.post(f"{limited.url}{ROOT}/infer", **sent)
    assert probabilities_in(response) == predicted(limited.url, REVIEWS)
    assert (LENGTH in response.headers) is expected
    assert json.loads(response.content[: int(response.headers.get(LENGTH, 10**6))])["id"] == fields["id"]


@pytest.mark.parametrize("review", [REVIEWS[3], '{"inputs": []}', "a" * 1000], ids=["emoji", "JSON", "longest"])
def test_infer_with_header_length_0_takes_the_body_as_one_review(limited: Server, review: str) -> None:
    """Triton's raw binary request; the output is binary, too."""
    response = httpx.post(f"{limited.url}{ROOT}/infer", content=review.encode(), headers=RAW)
    assert probabilities_in(response) == predicted(limited.url, [review])
    assert LENGTH in response.headers


A = bytes_tensor(b"a")
RAW = {LENGTH: "0"}
NO_BYTES = r"There are \d+ bytes after the JSON"
Fault = tuple[str, dict[str, Any], int, str]
"""A name, arguments for httpx, and the status and message of the response."""


def of_input(**fields: Any) -> dict[str, Any]:
    """A request for the review "a" with fields of its input; None omits one."""
    return {"json": {"inputs": [tensor("a", **fields)]}}


def sized(size: object, rest: bytes = A) -> dict[str, Any]:
    """A binary tensor with this size."""
    return binary(b"a", rest=rest, parameters={"binary_data_size": size})


def headed(length: object) -> dict[str, Any]:
    """A binary tensor whose header has this value."""
    return {**binary(b"a"), "headers": {LENGTH: str(length)}}


FAULTS: list[Fault] = [
    ("not JSON", {"content": SECRET.encode()}, 400, "JSON"),
    ("no inputs", {"json": body("a", inputs=[])}, 400, "inputs"),
    ("two inputs", {"json": body("a", inputs=[tensor("a")] * 2)}, 400, f"one input, {INPUT}"),
    ("object as id", {"json": body("a", id={})}, 400, "id"),
    ("other output", {"json": body("a", outputs=[{"name": SECRET}])}, 400, OUTPUT),
    ("text as a flag", {"json": body("a", parameters={"binary_data_output": "true"})}, 400, "binary_data_output"),
    ("classification", {"json": body("a", **output(classification=1))}, 400, "classification"),
    ("other input", of_input(name="review"), 400, INPUT),
    ("other datatype", of_input(datatype="FP32"), 400, "BYTES"),
    ("two columns", of_input(shape=[1, 2], data=["a", "b"]), 400, r"\[N\] or \[N, 1\]"),
    ("fewer reviews than the shape says", of_input(shape=[2]), 400, "The shape says 2 reviews, but there are 1"),
    ("ragged data", of_input(shape=[3, 1], data=[["a"], ["b", "c"]]), 400, "data.1"),
    ("data and binary data", framed({"inputs": [tensor("b", parameters={"binary_data_size": 5})]}, A), 400, "either"),
    ("blank review", of_input(shape=[2], data=["a", "\t\u2003"]), 400, "data.1.*blank"),
    ("too many reviews", {"json": body(*[SECRET] * 9)}, 400, r"\b8\b.*\b9\b"),
    ("too long", {"json": body("a", SECRET.ljust(1001))}, 400, r"\b1000\b.*data.1.*\b1001\b"),
    ("body too large", {"json": body(SECRET * 2500)}, 413, r"\b20000\b"),
    ("two headers", {**binary(b"a"), "headers": [(LENGTH, "0"), (LENGTH, "1")]}, 400, f"{LENGTH} has two different"),
    ("header beyond the body", headed(10**6), 400, LENGTH),
    ("negative header", headed(-1), 400, LENGTH),
    ("header of 5,000 digits", headed("1" * 5000), 400, LENGTH),
    ("no header", {"content": binary(b"a")["content"]}, 400, "JSON"),
    ("size missing", framed({"inputs": [tensor(shape=[1], data=None)]}, A), 400, "binary_data_size"),
    ("size too large", sized(6), 400, NO_BYTES),
    ("huge size", sized(10**300), 400, "binary_data_size"),
    ("bytes after the tensor", sized(5, A + b"x"), 400, NO_BYTES),
    ("element longer than the tensor", binary(b"a", rest=b"\2\0\0\0a"), 400, "data.0: This extends past"),
    ("more elements than the shape says", binary(b"a", rest=A + A), 400, "The shape says 1 reviews, but there are 2"),
    ("invalid UTF-8 in an element", binary(b"a", SECRET.encode() + b"\xff"), 400, "data.1: This is not UTF-8"),
    ("raw and not UTF-8", {"content": SECRET.encode() + b"\xff", "headers": RAW}, 400, "UTF-8"),
    ("raw and too long", {"content": b"a" * 1001, "headers": RAW}, 400, r"\b1000\b.*\b1001\b"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=itemgetter(0))
def test_infer_rejects_invalid_requests(connection: httpx.Client, fault: Fault) -> None:
    _, sent, status, reason = fault
    message = error_of(connection.post(f"{ROOT}/infer", **sent), status)
    assert re.search(reason, message), message
    assert len(probabilities_in(connection.post(f"{ROOT}/infer", json=body("superb")))) == 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [({"content": b'{"inputs": [%b{}]}' % (b"{}," * 600_000)}, "inputs.0"), (of_input(shape=[0] * 600_000), "shape.0")],
    ids=["inputs", "dimensions"],
)
def test_infer_of_a_large_body_takes_little_memory(server: Server, sent: dict[str, Any], reason: str) -> None:
    assert probabilities_in(httpx.post(f"{server.url}{ROOT}/infer", json=body("a")))
    with taking_at_most(60_000_000, server):
        message = error_of(httpx.post(f"{server.url}{ROOT}/infer", timeout=60, **sent), 400)
    assert reason in message
