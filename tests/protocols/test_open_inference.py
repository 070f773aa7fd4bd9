"""The Open Inference Protocol by hand: what its specification says of JSON, of binary tensors, and of errors.

Sources: kserve/open-inference-protocol, `inference_rest.md`; triton-inference-server/server,
`docs/protocol/extension_binary_data.md` and, for requests without a header, `src/http_server.cc`.
"""

import gzip
import json
import random
import re
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.protocols.expectations import (
    INPUT,
    KEY,
    MODEL,
    OUTPUT,
    REVIEWS,
    SECRET,
    VERSION,
    bits,
    bits_of,
    bytes_tensor,
    error_of,
    predicted,
)
from tests.servers import Server, serving

ROOT = f"/v2/models/{MODEL}"
INFER = f"{ROOT}/infer"
LENGTH = "Inference-Header-Content-Length"
BOTH_BINARY: dict[str, Any] = {"parameters": {"binary_data_output": True}}

STATUS = Path("/proc/self/status")
linux = pytest.mark.skipif(not STATUS.exists(), reason="/proc tells how much memory a process has had")


def tensor(*reviews: str, **fields: Any) -> dict[str, Any]:
    """An input; fields that are None are left out."""
    described = {"name": INPUT, "shape": [len(reviews)], "datatype": "BYTES", "data": list(reviews), **fields}
    return {name: value for name, value in described.items() if value is not None}


def wanting(*reviews: str, **fields: Any) -> dict[str, Any]:
    """A request in JSON."""
    return {"inputs": [tensor(*reviews)], **fields}


def binary(*elements: bytes, rest: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """A request with its input behind the JSON, as arguments for httpx.

    Args:
        elements: Of the tensor.
        rest: What stands behind the JSON, where it is not those elements.
        fields: Of the request.
    """
    rest = bytes_tensor(*elements) if rest is None else rest
    parameters = {"binary_data_size": len(rest)}
    described = {"inputs": [tensor(shape=[len(elements)], data=None, parameters=parameters)], **fields}
    return framed(described, rest)


def framed(request: Any, rest: bytes, length: int | str | bytes | None = None) -> dict[str, Any]:
    """A request that says how long its JSON is, as arguments for httpx."""
    head = request if isinstance(request, bytes) else json.dumps(request).encode()
    said = len(head) if length is None else length
    value = said if isinstance(said, bytes) else str(said).encode()
    return {"content": head + rest, "headers": [(LENGTH.encode(), value)]}


def octets(sent: dict[str, Any]) -> dict[str, Any]:
    return {**sent, "headers": [*sent["headers"], (b"Content-Type", b"application/octet-stream")]}


def encoded(encoding: str, content: bytes, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"content": content, "headers": [(b"Content-Encoding", encoding.encode()), *headers]}


def post(server: Server, path: str = INFER, **options: Any) -> httpx.Response:
    return httpx.post(f"{server.url}{path}", timeout=30, **options)


def outputs_of(response: httpx.Response) -> list[int]:
    """The bits of the probabilities, binary or not, after a look at all that an answer must have."""
    assert response.status_code == 200, response.text[:1000]
    length = response.headers.get(LENGTH)
    head = response.content if length is None else response.content[: int(length)]
    described = json.loads(head)
    assert set(described) - {"id", "parameters"} == {"model_name", "model_version", "outputs"}
    assert (described["model_name"], described["model_version"]) == (MODEL, VERSION)
    assert response.headers["X-Request-ID"]
    (output,) = described["outputs"]
    assert (output["name"], output["datatype"]) == (OUTPUT, "FP32")
    (count,) = output["shape"]
    if length is None:
        assert response.headers["Content-Type"] == "application/json"
        assert set(output) - {"parameters"} == {"name", "datatype", "shape", "data"}
        assert len(output["data"]) == count
        return bits(output["data"])
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert set(output) == {"name", "datatype", "shape", "parameters"}
    assert output["parameters"]["binary_data_size"] == 4 * count == len(response.content) - int(length)
    return bits_of(response.content[int(length) :])


# What is there


def test_server_is_described(server: Server) -> None:
    response = httpx.get(f"{server.url}/v2")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    about = response.json()
    assert isinstance(about["name"], str)
    assert isinstance(about["version"], str)
    assert "binary_tensor_data" in about["extensions"]


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        (f"{ROOT}/ready", {"name": MODEL, "ready": True}),
        (f"{ROOT}/versions/{VERSION}/ready", {"name": MODEL, "ready": True}),
    ],
)
def test_health_is_good(server: Server, path: str, answer: dict[str, Any]) -> None:
    response = httpx.get(f"{server.url}{path}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-ID"]
    assert answer.items() <= response.json().items()


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/versions/{VERSION}"])
def test_model_is_described(server: Server, path: str) -> None:
    response = httpx.get(f"{server.url}{path}")
    assert response.status_code == 200
    about = response.json()
    assert re.fullmatch(r"[a-z0-9]+_[a-z0-9]+", about.pop("platform"))  # “<project>_<format>”
    assert about == {
        "name": MODEL,
        "versions": [VERSION],
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1]}],
    }


# What is answered

ELEMENTS = [review.encode() for review in REVIEWS]
COUNT = len(REVIEWS)
COLUMN = [[review] for review in REVIEWS]
AS_JSON: dict[str, Any] = {"outputs": [{"name": OUTPUT, "parameters": {"binary_data": False}}]}
AS_BINARY: dict[str, Any] = {"outputs": [{"name": OUTPUT, "parameters": {"binary_data": True}}]}
BODY = json.dumps(wanting(*REVIEWS)).encode()

FORMS: list[tuple[str, dict[str, Any]]] = [
    ("data", {"json": wanting(*REVIEWS)}),
    ("column, flat", {"json": {"inputs": [tensor(*REVIEWS, shape=[COUNT, 1])]}}),
    ("column, in its natural form", {"json": {"inputs": [tensor(shape=[COUNT, 1], data=COLUMN)]}}),
    ("binary", binary(*ELEMENTS)),
    ("binary, said to be so", octets(binary(*ELEMENTS))),
    (
        "binary column",
        framed(
            {
                "inputs": [
                    tensor(shape=[COUNT, 1], data=None, parameters={"binary_data_size": len(bytes_tensor(*ELEMENTS))})
                ]
            },
            bytes_tensor(*ELEMENTS),
        ),
    ),
    ("header of the whole body", framed(wanting(*REVIEWS), b"")),
    ("form, says curl", {"content": BODY, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}),
    ("no type", {"content": BODY}),
    ("odd type", {"content": BODY, "headers": [(b"Content-Type", b"\xff; /")]}),
    ("chunks", {"content": (BODY[:100], BODY[100:])}),
    ("byte order mark", {"content": b"\xef\xbb\xbf" + BODY}),
    ("gzip", encoded("gzip", gzip.compress(BODY))),
    ("gzip, shouted", encoded("GZIP", gzip.compress(BODY))),
    ("deflate", encoded("deflate", zlib.compress(BODY))),
    ("identity", encoded("identity", BODY)),
    ("gzip in parts", encoded("gzip", gzip.compress(BODY[:50]) + gzip.compress(b"") + gzip.compress(BODY[50:]))),
    (
        "gzip, binary",
        encoded("gzip", gzip.compress(binary(*ELEMENTS)["content"]), (binary(*ELEMENTS)["headers"][0])),
    ),
    ("unknown fields", {"json": wanting(*REVIEWS, more={"a": [1, None]}, model_name="x")}),
    (
        "unknown fields of the input",
        {"json": {"inputs": [tensor(*REVIEWS, more=1, parameters={"content_type": "str"})]}},
    ),
    ("parameters", {"json": wanting(*REVIEWS, parameters={"a": 1, "b": "c", "d": True, "e": 1.5})}),
    ("no parameters", {"json": wanting(*REVIEWS, parameters={})}),
    ("no outputs named", {"json": wanting(*REVIEWS, outputs=[])}),
    ("output without parameters", {"json": wanting(*REVIEWS, outputs=[{"name": OUTPUT}])}),
    (
        "output with others",
        {"json": wanting(*REVIEWS, outputs=[{"name": OUTPUT, "more": 1, "parameters": {"a": "b"}}])},
    ),
]


@pytest.mark.parametrize("version", ["", f"/versions/{VERSION}"], ids=["newest", "named"])
@pytest.mark.parametrize("form", [row[1] for row in FORMS], ids=[row[0] for row in FORMS])
def test_form_is_answered_as_predict_does(limited: Server, form: dict[str, Any], version: str) -> None:
    response = post(limited, f"{ROOT}{version}/infer", **form)
    assert outputs_of(response) == bits(predicted(limited, REVIEWS))
    assert LENGTH not in response.headers
    assert "id" not in response.json()


@pytest.mark.parametrize(
    ("wish", "is_binary"),
    [
        ({}, False),
        (AS_JSON, False),
        (AS_BINARY, True),
        (BOTH_BINARY, True),
        ({"parameters": {"binary_data_output": False}}, False),
        ({**BOTH_BINARY, **AS_JSON}, False),  # what an output says overrides what the request says
        ({**BOTH_BINARY, "outputs": [{"name": OUTPUT}]}, True),
        ({"parameters": {"binary_data_output": False}, **AS_BINARY}, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("sent", ["json", "binary"])
def test_outputs_come_as_they_are_wanted(limited: Server, wish: dict[str, Any], is_binary: bool, sent: str) -> None:
    wish = {"id": "Ä “\U0001f600”", **wish}
    response = post(limited, **({"json": wanting(*REVIEWS, **wish)} if sent == "json" else binary(*ELEMENTS, **wish)))
    assert outputs_of(response) == bits(predicted(limited, REVIEWS))
    assert (LENGTH in response.headers) == is_binary
    head = response.content[: int(response.headers.get(LENGTH, len(response.content)))]
    assert json.loads(head)["id"] == wish["id"]
    if not is_binary:
        assert response.json()["outputs"][0]["data"] == predicted(limited, REVIEWS)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("review", [*REVIEWS, '{"inputs": []}', "a" * 1000], ids=range(COUNT + 2))
def test_body_without_a_header_is_one_review(limited: Server, review: str, compressed: bool) -> None:
    """Triton's raw binary request: the whole body is the only element of the only input; the output is binary."""
    content = review.encode()
    headers = {LENGTH: "0"}
    if compressed:
        content, headers = gzip.compress(content), {**headers, "Content-Encoding": "gzip"}
    response = post(limited, content=content, headers=headers)
    assert outputs_of(response) == bits(predicted(limited, [review]))
    assert LENGTH in response.headers


def test_request_id_of_http_is_echoed(limited: Server) -> None:
    every: list[dict[str, Any]] = [
        {"json": wanting("superb")},
        {"json": {}},
        binary(b"superb", **BOTH_BINARY),
    ]
    for options in every:
        made = httpx.Request("POST", f"{limited.url}{INFER}", **options)
        made.headers["X-Request-ID"] = "an-id-of-mine"
        with httpx.Client() as client:
            assert client.send(made).headers["X-Request-ID"] == "an-id-of-mine"


def test_limits_can_be_reached(limited: Server) -> None:
    reviews = ["a" * 1000, "\U0001f600" * 1000, *["superb"] * 6]
    expected = bits(predicted(limited, reviews))
    assert outputs_of(post(limited, **binary(*(review.encode() for review in reviews)))) == expected
    full = BODY + b" " * (20_000 - len(BODY))
    for form in ({"content": full}, encoded("gzip", gzip.compress(full)), encoded("deflate", zlib.compress(full))):
        assert len(outputs_of(post(limited, **form))) == COUNT


# What is not


@dataclass(frozen=True)
class Fault:
    """What is wrong, and what may come of it.

    Attributes:
        name: In words.
        sent: Arguments for httpx.
        statuses: What may be answered; 200 is among them where the specification leaves it to the server.
        says: What the error names.
        reviews: Those that an answer of 200 is about.
    """

    name: str
    sent: dict[str, Any]
    statuses: tuple[int, ...] = (400,)
    says: str = ""
    reviews: list[str] = field(default_factory=lambda: ["a"])


def raw(name: str, content: bytes, *statuses: int, says: str = "") -> Fault:
    return Fault(name, {"content": content}, statuses or (400,), says)


def wrong(name: str, says: str = "", statuses: tuple[int, ...] = (400,), **fields: Any) -> Fault:
    """A request of one review with these fields."""
    return Fault(name, {"json": wanting("a", **fields)}, statuses, says)


def input_(what: str, says: str = "", statuses: tuple[int, ...] = (400,), **fields: Any) -> Fault:
    """A request of one review whose input has these fields; None leaves one out."""
    return Fault(what, {"json": {"inputs": [tensor("a", **fields)]}}, statuses, says)


def output(name: str, says: str = "", statuses: tuple[int, ...] = (400,), **fields: Any) -> Fault:
    return wrong(name, says, statuses, outputs=[{"name": OUTPUT, **fields}])


MAYBE = (200, 400)
GOOD = json.dumps(wanting("a")).encode()

TEXTS = [
    raw("no body", b""),
    raw("blank body", b" \r\n"),
    raw("no JSON", SECRET.encode()),
    raw("null", b"null"),
    raw("number", b"1"),
    raw("string", b'"a"'),
    raw("list", b"[]"),
    raw("list of requests", b"[" + GOOD + b"]"),
    raw("no fields", b"{}", says="inputs"),
    raw("cut", GOOD[:-1]),
    raw("garbage behind", GOOD + b"x"),
    raw("twice", GOOD + GOOD),
    raw("comma", GOOD[:-1] + b",}"),
    raw("invalid UTF-8", GOOD.replace(b'"a"', b'"\xff"')),
    raw("surrogate in UTF-8", GOOD.replace(b'"a"', b'"\xed\xa0\x80"')),
    raw("UTF-16", GOOD.decode().encode("utf-16")),
    raw("high surrogate alone", GOOD.replace(b'"a"', b'"\\ud800"')),
    raw("low surrogate alone", GOOD.replace(b'"a"', b'"\\udc00"')),
    raw("NUL", GOOD.replace(b'"a"', b'"a\0"')),
    raw("NUL in a key", GOOD.replace(b'"inputs"', b'"inputs\\u0000"')),
    raw("NaN", GOOD.replace(b'"a"', b"NaN")),
    raw("NaN in a shape", GOOD.replace(b"[1]", b"[NaN]")),
    raw("infinity in a shape", GOOD.replace(b"[1]", b"[-Infinity]")),
    raw("infinite shape", GOOD.replace(b"[1]", b"[1e999]")),
    raw("number of 10,000 digits in a shape", GOOD.replace(b"[1]", b"[%b]" % (b"9" * 10_000))),
    raw("number of 4,300 digits in a shape", GOOD.replace(b"[1]", b"[%b]" % (b"9" * 4300))),
    raw("NaN where it does not matter", b'{"x": NaN, ' + GOOD[1:], 200, 400),
    raw("10,000 lists in one another", b"[" * 10_000),
    raw("5,000 lists for the inputs", b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    raw("5,000 lists for the data", GOOD.replace(b'"a"', b"[" * 5000 + b'"a"' + b"]" * 5000)),
    raw("100 lists for the data", GOOD.replace(b'"a"', b"[" * 100 + b'"a"' + b"]" * 100)),
    raw("2,000 objects for a parameter", GOOD[:-1] + b', "parameters": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001),
    raw("5,000 lists where they do not matter", b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b", " + GOOD[1:], 200, 400),
    raw("inputs twice", b'{"inputs": 1, ' + GOOD[1:], 200, 400),
    raw("form", b"inputs=a"),
]

FIELDS = [
    wrong("null for the inputs", "inputs", inputs=None),
    wrong("object for the inputs", "inputs", inputs={"text": ["a"]}),
    wrong("string for the inputs", "inputs", inputs="text"),
    wrong("no inputs", "input", inputs=[]),
    wrong("null for an input", "inputs", inputs=[None]),
    wrong("string for an input", "inputs", inputs=["a"]),
    wrong("list for an input", "inputs", inputs=[["a"]]),
    wrong("nothing in an input", "inputs", inputs=[{}]),
    wrong("the input twice", "input|tensor", inputs=[tensor("a"), tensor("a")]),
    wrong("another input as well", "input|tensor", inputs=[tensor("a"), tensor("a", name="more")]),
    wrong("thousands of inputs", inputs=[{}] * 5000),
    wrong("thousands of numbers for inputs", inputs=[1] * 9000),
    wrong("number for the id", "id", MAYBE, id=1),
    wrong("object for the id", "id", id={}),
    wrong("null for the id", "id", MAYBE, id=None),
    wrong("empty id", "", (200,), id=""),
    wrong("number for the parameters", "parameters", parameters=1),
    wrong("list for the parameters", "parameters", parameters=[]),
    wrong("null for the parameters", "parameters", MAYBE, parameters=None),
    wrong("object for a parameter", "parameters", MAYBE, parameters={"a": {"b": 1}}),
    wrong("null for a parameter", "parameters", MAYBE, parameters={"a": None}),
    wrong("string for a flag", "binary_data_output", parameters={"binary_data_output": "true"}),
    wrong("number for a flag", "binary_data_output", MAYBE, parameters={"binary_data_output": 1}),
    wrong("list for a flag", "binary_data_output", parameters={"binary_data_output": []}),
    wrong("sequence", "", (200,), parameters={"sequence_id": 1, "sequence_start": True, "priority": 1, "timeout": 9}),
    wrong("number for the outputs", "outputs", outputs=1),
    wrong("object for the outputs", "outputs", outputs={}),
    wrong("null for the outputs", "outputs", MAYBE, outputs=None),
    wrong("string for an output", "outputs", outputs=[OUTPUT]),
    wrong("nothing in an output", "outputs", outputs=[{}]),
    wrong("number for an output's name", "outputs", outputs=[{"name": 1}]),
    wrong("another output", OUTPUT, outputs=[{"name": "other"}]),
    wrong("another output as well", "output", outputs=[{"name": OUTPUT}, {"name": SECRET}]),
    wrong("the output twice", "output", MAYBE, outputs=[{"name": OUTPUT}, {"name": OUTPUT}]),
    wrong("thousands of outputs", "", outputs=[{"name": "x"}] * 1000),
    output("number for an output's parameters", "parameters", parameters=1),
    output("string for an output's flag", "binary_data", parameters={"binary_data": "yes"}),
    output("classification", "", MAYBE, parameters={"classification": 1}),
    output(
        "output to shared memory", "", MAYBE, parameters={"shared_memory_region": "x", "shared_memory_byte_size": 4}
    ),
]

TENSORS = [
    input_("no name", "name", name=None),
    input_("number for the name", "name", name=1),
    input_("another name", INPUT, name="review"),
    input_("name in capitals", INPUT, name="TEXT"),
    input_("no datatype", "datatype", datatype=None),
    input_("number for the datatype", "datatype", datatype=1),
    input_("FP32", "BYTES", datatype="FP32"),
    input_("datatype in small letters", "BYTES", datatype="bytes"),
    input_("unheard-of datatype", "BYTES", datatype=SECRET),
    input_("no shape", "shape", shape=None),
    input_("number for the shape", "shape", shape=1),
    input_("string for the shape", "shape", shape="1"),
    input_("string in the shape", "shape", shape=["1"]),
    input_("flag in the shape", "shape", shape=[True]),
    input_("null in the shape", "shape", shape=[[]]),
    input_("half a dimension", "shape", shape=[1.5]),
    input_("whole number with a point", "shape", MAYBE, shape=[1.0]),
    input_("empty shape", "shape", shape=[]),
    input_("negative dimension", "shape", shape=[-1]),
    input_("two negative dimensions", "shape", shape=[-1, -1]),
    input_("zero", "shape|element|hold", shape=[0]),
    input_("zero rows", "shape|element|hold", shape=[0, 1]),
    input_("zero columns", "shape|element|hold", shape=[1, 0]),
    input_("shape of two for one", "shape|element|hold", shape=[2]),
    input_("two columns", "shape", shape=[1, 2], data=["a", "b"]),
    input_("two columns, one of them missing", "shape", shape=[1, 2]),
    input_("three dimensions", "shape", shape=[1, 1, 1]),
    input_("100 dimensions", "shape", shape=[1] * 100),
    input_("thousands of dimensions", "shape", shape=[1] * 5000),
    input_("vast dimension", "", shape=[2**63 - 1]),
    input_("dimension beyond 64 bits", "", shape=[2**64]),
    input_("dimension beyond any", "", shape=[10**300]),
    input_("no data", "data", data=None),
    input_("string for the data", "data", data="a"),
    input_("object for the data", "data", data={"0": "a"}),
    input_("number in the data", "data", data=[1]),
    input_("flag in the data", "data", data=[True]),
    input_("object in the data", "data", data=[{"text": "a"}]),
    input_("base64 in the data", "data", data=[{"b64": "YQ=="}]),
    Fault("null for the data", {"content": GOOD.replace(b'["a"]', b"null")}, says="data"),
    Fault("null in the data", {"content": GOOD.replace(b'["a"]', b"[null]")}, says="data"),
    input_("nested, one dimension", "data|shape", MAYBE, data=[["a"]]),
    input_("nested too deep", "data|shape", MAYBE, shape=[1, 1], data=[[["a"]]]),
    input_("ragged", "data|shape", shape=[3, 1], data=[["a"], ["b", "c"]]),
    input_("nested and not", "data|shape", shape=[2, 1], data=[["a"], 1]),
    input_("nested, empty", "data|shape", shape=[1, 1], data=[[]]),
    Fault(
        "nested and flat in one",
        {"json": {"inputs": [tensor(shape=[2, 1], data=[["a"], "b"])]}},
        MAYBE,
        reviews=["a", "b"],
    ),
    Fault(
        "a row for a column",
        {"json": {"inputs": [tensor(shape=[2, 1], data=[["a", "b"]])]}},
        MAYBE,
        reviews=["a", "b"],
    ),
    input_("number for the input's parameters", "parameters", parameters=1),
    input_("input in shared memory", "", data=None, parameters={"shared_memory_region": "x"}),
    input_("binary size without binary data", "binary_data_size", parameters={"binary_data_size": 5}),
    input_("binary size without any data", "binary_data_size|data", data=None, parameters={"binary_data_size": 5}),
    input_("empty review", "blank|text", data=[""]),
    input_("blank review", "blank|text", data=["\t\u2003"]),
    Fault("one too many", {"json": wanting(*[SECRET] * 9)}, says=r"\b8\b.*\b9\b"),
    Fault("thousands", {"json": wanting(*["a"] * 3000)}, says=r"\b8\b.*\b3000\b"),
    Fault("too long", {"json": wanting("a", SECRET + "a" * 991)}, says=r"\b1000\b.*\b1001\b"),
    Fault("emoji too long", {"content": json.dumps(wanting("\U0001f600" * 1001)).encode()}, says=r"\b1000\b.*\b1001\b"),
    Fault("body too large", {"json": wanting(SECRET * 2500)}, (413,), r"\b20000\b"),
    Fault("body one byte too large", {"content": GOOD + b" " * (20_001 - len(GOOD))}, (413,), r"\b20000\b.*\b20001\b"),
    Fault("chunks too large", {"content": (GOOD, b" " * 30_000)}, (413,), r"\b20000\b"),
]

ONE = bytes_tensor(b"a")


def sized(size: Any, rest: bytes = ONE, shape: Any = (1,), **fields: Any) -> dict[str, Any]:
    """One review in binary that says it has that size."""
    return framed({"inputs": [tensor(shape=shape, data=None, parameters={"binary_data_size": size}, **fields)]}, rest)


def header(value: bytes | int, rest: bytes = ONE) -> dict[str, Any]:
    """One review in binary whose JSON has that size, as the header says."""
    return framed({"inputs": [tensor(shape=[1], data=None, parameters={"binary_data_size": 5})]}, rest, value)


RIGHT = header(0)["content"]
SHORT = len(RIGHT) - len(ONE)

BINARY = [
    Fault("header longer than the body", header(len(RIGHT) + 1), says=LENGTH),
    Fault("header as long as the body", header(len(RIGHT))),
    Fault("header one byte short", header(SHORT - 1)),
    Fault("header one byte long", header(SHORT + 1)),
    Fault("header of 1", header(1)),
    Fault("header of -1", header(-1), says=LENGTH),
    Fault("header of words", header(b"abc"), says=LENGTH),
    Fault("empty header", header(b"")),
    Fault("header with a point", header(f"{SHORT}.0".encode()), says=LENGTH),
    Fault("header with a plus", header(f"+{SHORT}".encode()), MAYBE),
    Fault("header with an underscore", header(f"{SHORT // 10}_{SHORT % 10}".encode()), says=LENGTH),
    Fault("hexadecimal header", header(f"{SHORT:#x}".encode()), says=LENGTH),
    Fault("header of superscripts", header(b"\xb2\xb3"), says=LENGTH),
    Fault("header in exponents", header(b"1e2"), says=LENGTH),
    Fault("vast header", header(10**30), says=LENGTH),
    Fault("header of 5,000 digits", header(b"1" * 5000), says=LENGTH),
    Fault("header of a list", header(f"{SHORT}, {SHORT}".encode()), MAYBE),
    Fault(
        "two headers",
        {"content": RIGHT, "headers": [(LENGTH.encode(), str(SHORT).encode()), (LENGTH.encode(), b"5")]},
        MAYBE,
    ),
    Fault("no header", {"content": RIGHT}),
    Fault("header without a body", {"content": b"", "headers": {LENGTH: "5"}}, says=LENGTH),
    Fault("header without JSON", {"content": b"hello", "headers": {LENGTH: "5"}}),
    Fault("JSON that is not an object", framed([1], b""), says="object"),
    Fault("bytes behind what needs none", framed(wanting("a"), ONE)),
    Fault("size missing", framed({"inputs": [tensor(shape=[1], data=None)]}, ONE), says="data|binary_data_size"),
    Fault("parameters without the size", sized(None), says="data|binary_data_size"),
    Fault("size too large", sized(6), says="binary_data_size|byte"),
    Fault("size too small", sized(4), says="binary_data_size|byte"),
    Fault("size of zero", sized(0), says="binary_data_size|byte|element"),
    Fault("negative size", sized(-5), says="binary_data_size"),
    Fault("size in words", sized("5"), MAYBE, "binary_data_size"),
    Fault("size of true", sized(True), says="binary_data_size"),
    Fault("half a size", sized(5.5), says="binary_data_size"),
    Fault("size with a point", sized(5.0), MAYBE, "binary_data_size"),
    Fault("list for a size", sized([5]), says="binary_data_size"),
    Fault("vast size", sized(2**63 - 1), says="binary_data_size|byte"),
    Fault("size beyond 64 bits", sized(2**64 + 5), says="binary_data_size|byte"),
    Fault("size beyond any", sized(10**300), says="binary_data_size|byte"),
    Fault("nothing behind", sized(5, b""), says="binary_data_size|byte"),
    Fault("bytes behind the tensor", sized(5, ONE + b"x"), says="byte"),
    Fault("element longer than the tensor", sized(5, struct.pack("<I", 2) + b"a"), says="element|byte|length"),
    Fault("element shorter than the tensor", sized(6, struct.pack("<I", 1) + b"ab"), says="element|byte|length"),
    Fault("element of vast length", sized(5, b"\xff\xff\xff\xffa"), says="element|byte|length"),
    Fault("big-endian length", sized(5, struct.pack(">I", 1) + b"a"), says="element|byte|length"),
    Fault("length cut", sized(3, b"\1\0\0"), says="element|byte|length"),
    Fault("second length cut", sized(7, ONE + b"\1\0", (2,)), says="element|byte|length"),
    Fault("one element more", sized(10, ONE + ONE), says="element|shape|byte"),
    Fault("one element less", sized(5, ONE, (2,)), says="element|shape|byte|length"),
    Fault("two columns", sized(10, ONE + ONE, (1, 2)), says="shape"),
    Fault("vast shape", sized(5, ONE, (2**62,))),
    Fault("vast shape and nothing", sized(0, b"", (2**62,))),
    Fault("empty review", sized(4, bytes_tensor(b"")), says="blank|text"),
    Fault("blank review", binary(b"a", b" \t"), says="blank|text"),
    Fault("invalid UTF-8", binary(b"a", SECRET.encode() + b"\xff"), says="UTF-8"),
    Fault("overlong UTF-8", binary(b"\xc0\xaf"), says="UTF-8"),
    Fault("surrogate", binary(b"\xed\xa0\x80"), says="UTF-8"),
    Fault("UTF-8 cut", binary("a\U0001f600".encode()[:-1]), says="UTF-8"),
    Fault("UTF-8 across two elements", binary(b"\xc3", b"\xa4"), says="UTF-8"),
    Fault("one too many", binary(*[SECRET.encode()] * 9), says=r"\b8\b.*\b9\b"),
    Fault("thousands", binary(*[b""] * 4000), says=r"\b8\b.*\b4000\b"),
    Fault("too long", binary(b"a", b"a" * 1001), says=r"\b1000\b.*\b1001\b"),
    Fault("emoji too long", binary(("\U0001f600" * 1001).encode()), says=r"\b1000\b.*\b1001\b"),
    Fault("too large", binary(*[b"a" * 5000] * 4), (413,), r"\b20000\b"),
    Fault("raw, empty", {"content": b"", "headers": {LENGTH: "0"}}),
    Fault("raw, blank", {"content": b" ", "headers": {LENGTH: "0"}}, says="blank|text"),
    Fault("raw, invalid UTF-8", {"content": SECRET.encode() + b"\xff", "headers": {LENGTH: "0"}}, says="UTF-8"),
    Fault("raw, too long", {"content": b"a" * 1001, "headers": {LENGTH: "0"}}, says=r"\b1000\b.*\b1001\b"),
    Fault("raw, too large", {"content": b"a" * 20_001, "headers": {LENGTH: "0"}}, (413,), r"\b20000\b"),
]

ZIPPED = gzip.compress(GOOD)
COMPRESSION = [
    Fault("announced but plain", encoded("gzip", GOOD), says="gzip"),
    Fault("deflate, announced but plain", encoded("deflate", GOOD), says="deflate"),
    Fault("announced but empty", encoded("gzip", b""), says=""),
    Fault("gzip announced as deflate", encoded("deflate", ZIPPED)),
    Fault("deflate announced as gzip", encoded("gzip", zlib.compress(GOOD))),
    Fault("deflate without its frame", encoded("deflate", zlib.compress(GOOD)[2:-4]), MAYBE),
    Fault("unannounced", {"content": ZIPPED}),
    Fault("cut", encoded("gzip", ZIPPED[:-1])),
    Fault("cut in the middle", encoded("gzip", ZIPPED[: len(ZIPPED) // 2])),
    Fault("cut in its head", encoded("gzip", ZIPPED[:5])),
    Fault("deflate, cut", encoded("deflate", zlib.compress(GOOD)[:-1])),
    Fault("damaged", encoded("gzip", ZIPPED[:20] + b"\xff\xff\xff" + ZIPPED[23:])),
    Fault("wrong checksum", encoded("gzip", ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:])),
    Fault("wrong length", encoded("gzip", ZIPPED[:-4] + b"\0\0\0\0")),
    Fault("deflate, wrong checksum", encoded("deflate", zlib.compress(GOOD)[:-1] + b"\0")),
    Fault("garbage behind", encoded("gzip", ZIPPED + SECRET.encode()), MAYBE),
    Fault("zeros behind", encoded("gzip", ZIPPED + b"\0" * 100), MAYBE),
    Fault("deflate, garbage behind", encoded("deflate", zlib.compress(GOOD) + SECRET.encode()), MAYBE),
    Fault("second part cut", encoded("gzip", ZIPPED + gzip.compress(b" ")[:-3])),
    Fault("dictionary", encoded("deflate", b"\x78\xbb\0\0\0\1" + zlib.compress(GOOD)[2:])),
    Fault("brotli", encoded("br", b"\x0b\x02\x80{}\x03"), (415,)),
    Fault("zstd", encoded("zstd", b"\x28\xb5\x2f\xfd"), (415,)),
    Fault("unheard-of", encoded(SECRET, GOOD), (415,)),
    Fault("compressed twice", encoded("gzip, gzip", gzip.compress(ZIPPED)), (200, 415)),
    Fault("compressed in two ways", encoded("gzip, deflate", zlib.compress(ZIPPED)), (200, 415)),
    Fault("known by another name", encoded("x-gzip", ZIPPED), (200, 415)),
    Fault("gzip and identity", encoded("gzip, identity", ZIPPED), (200, 415)),
    Fault(
        "two headers",
        encoded("gzip", gzip.compress(ZIPPED), (b"Content-Encoding", b"gzip")),
        (200, 400, 415),
    ),
    Fault(
        "one byte too large", encoded("gzip", gzip.compress(GOOD + b" " * (20_001 - len(GOOD)))), (413,), r"\b20000\b"
    ),
    Fault("bomb", encoded("gzip", gzip.compress(b" " * 15_000_000)), (413,), r"\b20000\b"),
    Fault("bomb of deflate", encoded("deflate", zlib.compress(b" " * 15_000_000)), (413,), r"\b20000\b"),
    Fault("bomb of many parts", encoded("gzip", gzip.compress(b" " * 19_000) * 100), (413,), r"\b20000\b"),
    Fault(
        "raw bomb",
        encoded("gzip", gzip.compress(b"a" * 15_000_000), (LENGTH.encode(), b"0")),
        (413,),
        r"\b20000\b",
    ),
    Fault("chunked in transfer coding", {"content": GOOD, "headers": {"Expect": "100-continue"}}, (200,)),
]

FAULTS = [
    (f"{group}: {fault.name}", fault)
    for group, faults in (
        ("text", TEXTS),
        ("field", FIELDS),
        ("tensor", TENSORS),
        ("binary", BINARY),
        ("compression", COMPRESSION),
    )
    for fault in faults
]


@pytest.fixture(scope="module")
def connection(limited: Server) -> Iterator[httpx.Client]:
    """Its requests follow one another on one connection, if the server leaves that open."""
    with httpx.Client(base_url=limited.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("fault", [fault for _, fault in FAULTS], ids=[name for name, _ in FAULTS])
def test_fault_is_answered_with_an_error_that_says_what_is_wrong(
    limited: Server, connection: httpx.Client, fault: Fault
) -> None:
    response = connection.post(INFER, **fault.sent)
    if response.status_code == 200 and 200 in fault.statuses:
        assert outputs_of(response) == bits(predicted(limited, fault.reviews))
    else:
        message = error_of(response, *(status for status in fault.statuses if status != 200))
        assert re.search(fault.says, message), message
    assert len(outputs_of(connection.post(INFER, json=wanting("superb")))) == 1
    assert not [line for line in limited.lines if SECRET in line]


def test_data_given_both_ways_is_refused(limited: Server) -> None:
    sent = framed({"inputs": [tensor("b", parameters={"binary_data_size": 5})]}, ONE)
    error_of(post(limited, **sent), 400)


def test_two_lengths_of_the_json_are_refused_unless_they_agree(limited: Server) -> None:
    sent = binary(b"a")
    ((name, length),) = sent["headers"]
    outputs_of(post(limited, content=sent["content"], headers=[(name, length)] * 2))
    for other in (b"0", b"1", b""):
        for lengths in ((length, other), (other, length)):
            response = post(limited, content=sent["content"], headers=[(name, value) for value in lengths])
            assert "two different values" in error_of(response, 400)


PATHS: list[tuple[str, str, int]] = [
    ("GET", INFER, 405),
    ("PUT", INFER, 405),
    ("DELETE", INFER, 405),
    ("PATCH", INFER, 405),
    ("OPTIONS", INFER, 405),
    ("GET", f"{ROOT}/versions/{VERSION}/infer", 405),
    ("POST", ROOT, 405),
    ("POST", f"{ROOT}/ready", 405),
    ("POST", "/v2", 405),
    ("DELETE", "/v2", 405),
    ("POST", "/v2/health/live", 405),
    ("POST", "/v2/health/ready", 405),
    ("GET", "/v2/nothing", 404),
    ("POST", "/v2/nothing", 404),
    ("GET", "/v2/health", 404),
    ("GET", "/v2/health/nothing", 404),
    ("GET", "/v2/models/other", 404),
    ("GET", "/v2/models/other/ready", 404),
    ("POST", "/v2/models/other/infer", 404),
    ("POST", "/v2/models//infer", 404),
    ("POST", f"/v2/models/{MODEL.upper()}/infer", 404),
    ("POST", f"/v2/models/{MODEL}%00/infer", 404),
    ("POST", f"/v2/models/ {MODEL}/infer".replace(" ", "%20"), 404),
    ("POST", "/v2/models/%ff/infer", 404),
    ("POST", "/v2/models/%2e%2e%2f/infer", 404),
    ("POST", f"/v2/models/{'x' * 5000}/infer", 404),
    ("GET", f"{ROOT}/versions", 404),
    ("GET", f"{ROOT}/versions/9", 404),
    ("GET", f"{ROOT}/versions/{VERSION}/nothing", 404),
    ("GET", f"{ROOT}/versions/0{VERSION}", 404),
    ("GET", f"{ROOT}/versions/-1", 404),
    ("GET", f"{ROOT}/versions/{'9' * 5000}", 404),
    ("POST", f"{ROOT}/versions/9/infer", 404),
    ("POST", f"{ROOT}/versions/9/ready", 404),
    ("POST", f"{ROOT}/versions//infer", 404),
    ("POST", f"{ROOT}/Infer", 404),
    ("POST", f"{ROOT}/generate", 404),
    ("POST", f"{ROOT}/explain", 404),
    ("GET", f"{ROOT}/config", 404),
    ("GET", f"{ROOT}/stats", 404),
    ("POST", "/v2/repository/index", 404),
    ("POST", f"/v2/repository/models/{MODEL}/load", 404),
    ("GET", "/v2/logging", 404),
    ("GET", "/v2/systemsharedmemory/status", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), PATHS, ids=[f"{row[0]} {row[1][:40]}" for row in PATHS])
def test_wrong_path_or_method_is_answered_with_an_error(server: Server, method: str, path: str, status: int) -> None:
    response = httpx.request(method, f"{server.url}{path}", content=GOOD if method == "POST" else None)
    # Of a model that is not there, it is a matter of taste whether the method is looked at first.
    error_of(response, *({404, 405} if (method, path) == ("POST", f"{ROOT}/versions/9/ready") else {status}))
    if response.status_code == 405:
        assert response.headers["Allow"]


def test_head_of_a_wrong_path_has_no_body(server: Server) -> None:
    response = httpx.head(f"{server.url}/v2/nothing")
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize("path", ["/v2/", "/v2/models", "/v2/models/", f"{ROOT}/", "/v2/health/live/"])
def test_path_that_may_be_or_not_is_answered_either_way(server: Server, path: str) -> None:
    response = httpx.get(f"{server.url}{path}")
    if response.status_code not in (200, 307):
        error_of(response, 404)


@pytest.mark.parametrize("path", ["/v20", "/v2x/models", "/V2", "/v3", "/"])
def test_other_paths_keep_their_errors(server: Server, path: str) -> None:
    response = httpx.get(f"{server.url}{path}")
    if path != "/" or response.status_code != 200:  # where KServe's first protocol asks whether the server lives
        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"


# What could hurt


def bomb(megabytes: int) -> bytes:
    """So many megabytes of spaces in a thousandth of their size, made at once: the same block again and again."""
    compressor = zlib.compressobj(wbits=-15)
    block = compressor.compress(b" " * 1_000_000) + compressor.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return head + block * megabytes + zlib.compressobj(wbits=-15).flush() + struct.pack("<II", 0, 0)


@contextmanager
def costing_little_time(server: Server) -> Iterator[None]:
    """The block takes the server little time of its own, however busy the machine is with other things."""
    process = psutil.Process(server.process.pid)
    before = sum(process.cpu_times()[:2])
    yield
    assert sum(process.cpu_times()[:2]) - before < 1


@contextmanager
def costing_little_memory(server: Server) -> Iterator[None]:
    """The block takes no memory to speak of, not even for a moment."""
    process = Path("/proc") / str(server.process.pid)
    (process / "clear_refs").write_text("5")  # the peak is measured from now on
    before = peak(process)
    yield
    assert peak(process) - before < 30_000


def peak(process: Path) -> int:
    """The most memory, in kB, that a process has had."""
    match = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    assert match
    return int(match[1])


@linux
@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", bomb(1000)),
        ("deflate", b"\x78\x9c" + bomb(1000)[10:]),
        ("gzip", gzip.compress(b" " * 10_000_000) * 100),
    ],
    ids=["gzip", "deflate", "parts"],
)
@pytest.mark.parametrize("headers", [{}, {LENGTH: "0"}, {LENGTH: "100"}], ids=["json", "raw", "binary"])
def test_bomb_of_a_gigabyte_costs_little(
    server: Server, encoding: str, content: bytes, headers: dict[str, str]
) -> None:
    assert len(content) < 1_100_000
    assert outputs_of(post(server, json=wanting("a")))  # so that what is made only once is there
    with costing_little_memory(server), costing_little_time(server):
        response = post(server, content=content, headers={"Content-Encoding": encoding, **headers})
    assert re.search(r"\b2000000\b", error_of(response, 413))


HEAVY: list[tuple[str, dict[str, Any]]] = [
    ("empty parts", encoded("gzip", gzip.compress(b"") * 90_000)),
    ("parts of one byte", encoded("gzip", gzip.compress(b" ") * 90_000)),
    ("a large part and small ones", encoded("gzip", gzip.compress(b" " * 1_900_000) + gzip.compress(b" ") * 80_000)),
    ("empty blocks", encoded("deflate", b"\x78\x9c" + b"\0\0\0\xff\xff" * 390_000)),
    ("lists", {"content": b"[" * 1_900_000}),
    ("inputs", {"content": b'{"inputs": [' + b"{}," * 600_000 + b"{}]}"}),
    ("dimensions", {"content": b'{"inputs": [{"shape": [' + b"1," * 900_000 + b"1]}]}"}),
    ("ones", {"json": {"inputs": [tensor(shape=[1] * 200_000)]}}),
    ("outputs", {"json": wanting("a", outputs=[{"name": "x"}] * 100_000)}),
    ("nested", {"json": {"inputs": [tensor(shape=[200_000], data=[[]] * 200_000)]}}),
    ("reviews", {"json": {"inputs": [tensor(shape=[200_000], data=["a"] * 200_000)]}}),
    ("elements", binary(*[b""] * 490_000)),
    ("elements in one", sized(1_900_000, bytes_tensor(b"") * 475_000)),
    ("zeros", sized(1_900_000, b"\0" * 1_900_000, [10**9])),
    ("spaces", framed(b" " * 1_900_000, b"")),
    ("fields", {"content": b"{%b}" % b",".join(b'"%d":0' % number for number in range(180_000))}),
]


@pytest.mark.parametrize("sent", [row[1] for row in HEAVY], ids=[row[0] for row in HEAVY])
def test_body_of_two_megabytes_is_refused_without_ado(server: Server, sent: dict[str, Any]) -> None:
    with costing_little_time(server):
        error_of(post(server, **sent), 400)


def test_damaged_request_is_never_a_failure(connection: httpx.Client) -> None:
    rng = random.Random(0)
    behind = binary(*ELEMENTS[:3], id="x", **AS_BINARY)
    length = int(behind["headers"][0][1])
    for number in range(400):
        content, headers = bytearray(behind["content"] if number % 2 else BODY), {}
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(content))
            match rng.randrange(4):
                case 0:
                    content[place] = rng.randrange(256)
                case 1:
                    del content[place : place + rng.randint(1, 8)]
                case 2:
                    content[place:place] = content[place : place + rng.randint(1, 30)]
                case 3:
                    content[place:place] = rng.choice(
                        [b"[", b"}", b'"', b"null", b"-1", b"\\ud83d", b"\xff\xff\xff\xff"]
                    )
        if number % 2:
            headers[LENGTH] = str(length + len(content) - len(behind["content"]) * rng.choice([0, 1]))
        body = bytes(content)
        if number % 5 == 0:
            headers["Content-Encoding"], body = "gzip", gzip.compress(body)
            if number % 10 == 0:
                place = rng.randrange(len(body))
                body = body[:place] + bytes([body[place] ^ 1 << rng.randrange(8)]) + body[place + 1 :]
        response = connection.post(INFER, content=body, headers=headers)
        if response.status_code == 200:
            assert outputs_of(response)
        else:
            error_of(response, 400, 413)


def test_nothing_of_this_was_a_failure_and_no_review_is_in_the_log(limited: Server) -> None:
    for sent in ({"json": wanting(SECRET, " ")}, binary(SECRET.encode(), b"\xff"), {"content": SECRET.encode()}):
        error_of(post(limited, **sent), 400)
    httpx.get(f"{limited.url}/v2", headers={"X-Request-ID": "the-last-of-the-faults"})
    limited.wait_for("the-last-of-the-faults")
    assert not [line for line in limited.lines if SECRET in line or "Traceback" in line]
    assert not [line for line in limited.logs() if line["level"] in ("error", "critical")]


def test_body_that_nobody_reads_does_not_disturb_what_follows(limited: Server, connection: httpx.Client) -> None:
    sent: list[tuple[str, dict[str, Any]]] = [
        ("/v2/models/other/infer", {}),
        ("/v1/models/other:predict", {}),
        ("/v2/nothing", {}),
        (INFER, {"Content-Encoding": "br"}),
    ]
    for path, headers in sent:
        error_of(connection.post(path, content=b"x" * 5_000_000, headers=headers), 404, 413, 415)
        assert len(outputs_of(connection.post(INFER, json=wanting("superb")))) == 1


# Who may ask, and when


def test_key_opens_and_its_absence_does_not(guarded: Server) -> None:
    for path in ("/v2", "/v2/health/live", "/v2/health/ready"):
        assert httpx.get(f"{guarded.url}{path}").status_code == 200
    for headers in ({}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}x"}):
        for method, path in (
            ("GET", ROOT),
            ("GET", f"{ROOT}/ready"),
            ("GET", f"{ROOT}/versions/{VERSION}"),
            ("GET", "/v2/models/other"),
            ("GET", f"/v2/models/{MODEL[0]}%{ord(MODEL[1]):x}{MODEL[2:]}"),
            ("GET", f"/v2/./models/{MODEL}"),
            ("GET", f"//v2/models/{MODEL}"),
            ("GET", f"/v2//models/{MODEL}"),
            ("POST", INFER),
            ("POST", f"{ROOT}/versions/{VERSION}/infer"),
            ("POST", "/v2/models/other/infer"),
        ):
            content = GOOD if method == "POST" else None
            target = httpx.URL(guarded.url, raw_path=path.encode())  # as it is, without making it nicer
            response = httpx.request(method, target, content=content, headers=headers)
            if path in (f"/v2/./models/{MODEL}", f"//v2/models/{MODEL}", f"/v2//models/{MODEL}"):
                assert response.status_code in (401, 404)
                continue
            assert "Authorization: Bearer" in error_of(response, 401)
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="sentiment"'
    key = {"Authorization": f"Bearer {KEY}"}
    assert httpx.get(f"{guarded.url}{ROOT}", headers=key).status_code == 200
    response = post(guarded, json=wanting("superb"), headers=key)
    assert outputs_of(response) == bits(predicted(guarded, ["superb"], KEY))
    assert not [line for line in guarded.lines if KEY in line]


def test_rejection_because_of_load_has_the_form_of_the_protocol(models: Path) -> None:
    reviews = ["superb " * 5000] * 40
    forms: list[tuple[str, dict[str, Any]]] = [
        (INFER, binary(*(review.encode() for review in reviews), **BOTH_BINARY)),
        (f"{ROOT}/versions/{VERSION}/infer", {"json": wanting(*reviews)}),
        (f"/v1/models/{MODEL}/versions/{VERSION}:predict", {"json": {"instances": reviews}}),
    ]
    with serving(model_dir=models, runtime="litert", max_reviews=64, max_waiting=64) as server:

        def send(number: int) -> tuple[str, httpx.Response]:
            path, options = forms[number % len(forms)]
            return path, post(server, path, **options)

        with ThreadPoolExecutor(16) as clients:
            answers = list(clients.map(send, range(96)))
        rejected = [(path, response) for path, response in answers if response.status_code != 200]
        assert len(rejected) < 96
        assert {path for path, _ in rejected} == {path for path, _ in forms}
        for _, response in rejected:
            assert response.headers["Retry-After"] == "1"
            assert error_of(response, 503).startswith("The limit of 64 waiting reviews was reached")
        assert len(outputs_of(post(server, json=wanting("superb")))) == 1


def test_reviews_that_wait_too_long_are_answered_with_an_error(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", deadline=0.001) as server:
        reviews = ["superb " * 5000] * 50
        for path, body in ((INFER, wanting(*reviews)), (f"/v1/models/{MODEL}:predict", {"instances": reviews})):
            assert "0.001 seconds" in error_of(post(server, path, json=body), 504)
