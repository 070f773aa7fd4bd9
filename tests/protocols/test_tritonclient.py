"""NVIDIA's own client, in both of its forms, against the real service: what it gets, and what it makes of refusals."""

import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.protocols.expectations import INPUT, KEY, MODEL, OUTPUT, REVIEWS, SECRET, VERSION, bits, predicted
from tests.protocols.workers import Failure, Worker
from tests.servers import Server, serving

CLIENTS = pytest.mark.parametrize("client", ["sync", "aio"])
BINARY = pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
TEXT = {"name": INPUT, "datatype": "BYTES", "shape": [-1]}
PROBABILITY = {"name": OUTPUT, "datatype": "FP32", "shape": [-1]}


def inputs(*values: Any, **options: Any) -> list[dict[str, Any]]:
    return [{"values": values, **options}]


def infer(worker: Worker, server: Server, client: str, **arguments: Any) -> Any:
    return worker.ask(server.url, "infer", client=client, arguments={"model_name": MODEL, **arguments})


def call(worker: Worker, server: Server, client: str, name: str, **arguments: Any) -> Any:
    return worker.ask(server.url, name, client=client, arguments=arguments)


def refusal(worker: Worker, server: Server, client: str, name: str = "infer", **arguments: Any) -> Failure:
    """What the client raises: always its own error, made of the service's own words."""
    with pytest.raises(Failure) as caught:
        call(worker, server, client, name, **({"model_name": MODEL} if name == "infer" else {}) | arguments)
    failure = caught.value
    assert failure.kind == "InferenceServerException"
    assert not failure.undecoded, failure
    assert len(failure.message) > 10
    assert SECRET not in failure.message
    assert not [line for line in server.lines if SECRET in line]
    return failure


@CLIENTS
def test_health_of_a_ready_server_is_good(triton: Worker, server: Server, client: str) -> None:
    assert call(triton, server, client, "is_server_live") is True
    assert call(triton, server, client, "is_server_ready") is True
    assert call(triton, server, client, "is_model_ready", model_name=MODEL) is True
    assert call(triton, server, client, "is_model_ready", model_name=MODEL, model_version=VERSION) is True


@CLIENTS
@pytest.mark.parametrize(
    ("model", "version"),
    [("other", ""), (MODEL, "9"), (MODEL, "01"), ("other", VERSION), (f" {MODEL}", ""), ("ä/ö", "")],
)
def test_model_that_is_not_there_is_not_ready(
    triton: Worker, server: Server, client: str, model: str, version: str
) -> None:
    named = {"model_name": model, "model_version": version}
    assert call(triton, server, client, "is_model_ready", **named) is False
    assert refusal(triton, server, client, "get_model_metadata", **named).status == 404
    assert refusal(triton, server, client, inputs=inputs("good"), **named).status == 404


@CLIENTS
def test_metadata_tell_of_the_server_and_the_model(triton: Worker, server: Server, client: str) -> None:
    about = call(triton, server, client, "get_server_metadata")
    assert set(about) >= {"name", "version", "extensions"}
    assert "binary_tensor_data" in about["extensions"]
    for version in ("", VERSION):
        about = call(triton, server, client, "get_model_metadata", model_name=MODEL, model_version=version)
        assert (about["name"], about["versions"]) == (MODEL, [VERSION])
        assert isinstance(about["platform"], str)
        assert (about["inputs"], about["outputs"]) == ([TEXT], [PROBABILITY])


@CLIENTS
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_model_config", {"model_name": MODEL}),
        ("get_inference_statistics", {"model_name": MODEL}),
        ("get_model_repository_index", {}),
        ("load_model", {"model_name": MODEL}),
        ("unload_model", {"model_name": MODEL}),
        ("get_system_shared_memory_status", {}),
        ("get_trace_settings", {}),
        ("update_log_settings", {"settings": {"log_verbose_level": 1}}),
    ],
)
def test_what_triton_alone_can_is_an_error_of_the_client(
    triton: Worker, server: Server, client: str, name: str, arguments: dict[str, Any]
) -> None:
    assert refusal(triton, server, client, name, **arguments).status in (404, 405)


@CLIENTS
@BINARY
@pytest.mark.parametrize("outputs", [None, True, False], ids=["any", "binary", "json"])
@pytest.mark.parametrize("shape", [[len(REVIEWS)], [len(REVIEWS), 1]], ids=["N", "Nx1"])
def test_infer_answers_as_predict_does(
    triton: Worker, limited: Server, client: str, binary: bool, outputs: bool | None, shape: list[int]
) -> None:
    wanted = {} if outputs is None else {"outputs": [{"name": OUTPUT, "binary_data": outputs}]}
    sent = inputs(*REVIEWS, binary=binary, shape=shape)
    answer = infer(triton, limited, client, inputs=sent, request_id="an id", **wanted)
    expected = predicted(limited, REVIEWS)
    response = answer["response"]
    assert (response["model_name"], response["model_version"], response["id"]) == (MODEL, VERSION, "an id")
    (output,) = response["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (OUTPUT, "FP32", [len(REVIEWS)])
    if outputs is False:
        assert output["data"] == expected
    else:  # without a word about outputs, the client asks for binary_data_output
        assert "data" not in output
        assert output["parameters"] == {"binary_data_size": 4 * len(REVIEWS)}
    tensor = answer["tensors"][OUTPUT]
    assert tensor == {"dtype": "float32", "shape": [len(REVIEWS)], "bits": bits(expected)}


@CLIENTS
@BINARY
@pytest.mark.parametrize("requested", ["gzip", "deflate", None])
@pytest.mark.parametrize("wanted", ["gzip", "deflate", None])
def test_compression_changes_no_answer(
    triton: Worker, limited: Server, client: str, binary: bool, requested: str | None, wanted: str | None
) -> None:
    algorithms = {"request_compression_algorithm": requested, "response_compression_algorithm": wanted}
    answer = infer(triton, limited, client, inputs=inputs(*REVIEWS, binary=binary), **algorithms)
    assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(limited, REVIEWS))


@CLIENTS
def test_named_version_answers(triton: Worker, server: Server, client: str) -> None:
    answer = infer(triton, server, client, inputs=inputs("superb"), model_version=VERSION)
    assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(server, ["superb"]))
    assert "id" not in answer["response"]


@CLIENTS
@pytest.mark.parametrize("request_id", ["42", "Ä \U0001f600 “”", "a\tb\nc", 'quo"te\\', "x" * 1000])
def test_request_id_comes_back_as_it_was(triton: Worker, server: Server, client: str, request_id: str) -> None:
    for outputs in ([], [{"name": OUTPUT, "binary_data": False}]):
        answer = infer(triton, server, client, inputs=inputs("superb"), request_id=request_id, outputs=outputs)
        assert answer["response"]["id"] == request_id


@CLIENTS
def test_parameters_that_mean_nothing_here_are_accepted(triton: Worker, server: Server, client: str) -> None:
    answer = infer(
        triton,
        server,
        client,
        inputs=inputs("superb"),
        sequence_id=7,
        sequence_start=True,
        sequence_end=True,
        priority=3,
        timeout=2_000_000,
        parameters={"colour": "green", "size": 3, "new": True},
        query_params={"a": "b"},
        headers={"X-Anything": "else"},
    )
    assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(server, ["superb"]))


FAULTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("input of another name", {"inputs": inputs("a", name="review")}, 400, INPUT),
    ("two inputs of one name", {"inputs": inputs("a") + inputs("b")}, 400, "input"),
    ("two inputs of two names", {"inputs": inputs("a") + inputs("b", name="more")}, 400, "input"),
    ("no input", {"inputs": []}, 400, "input"),
    ("FP32", {"inputs": inputs(1.5, datatype="FP32")}, 400, "BYTES"),
    ("too few for the shape", {"inputs": inputs("a", claimed=[2])}, 400, "shape|element|hold"),
    ("too many for the shape", {"inputs": inputs("a", "b", claimed=[1])}, 400, "shape|element|hold|byte"),
    ("shape of two dimensions", {"inputs": inputs(*"abcd", shape=[2, 2])}, 400, "shape"),
    ("shape of three dimensions", {"inputs": inputs(*"ab", shape=[2, 1, 1])}, 400, "shape"),
    ("shape turned round", {"inputs": inputs(*"ab", shape=[1, 2])}, 400, "shape"),
    ("shape of no dimension", {"inputs": inputs("a", claimed=[])}, 400, "shape"),
    ("negative shape", {"inputs": inputs("a", claimed=[-1])}, 400, "shape"),
    ("vast shape", {"inputs": inputs("a", claimed=[2**62])}, 400, ""),
    ("output of another name", {"inputs": inputs("a"), "outputs": [{"name": "other"}]}, 400, OUTPUT),
    ("too many reviews", {"inputs": inputs(*[SECRET] * 9)}, 400, r"\b8\b.*\b9\b"),
    ("review too long", {"inputs": inputs("a", "a" * 1001)}, 400, r"\b1000\b.*\b1001\b"),
    ("emoji too long", {"inputs": inputs("\U0001f600" * 1001)}, 400, r"\b1000\b.*\b1001\b"),
    ("empty review", {"inputs": inputs("a", "")}, 400, "blank|text"),
    ("blank review", {"inputs": inputs(" \t\u2003")}, 400, "blank|text"),
    ("body too large", {"inputs": inputs(*[SECRET * 250] * 8)}, 413, r"\b20000\b"),
    (
        "bomb of gzip",
        {"inputs": inputs("a" * 5_000_000), "request_compression_algorithm": "gzip"},
        413,
        r"\b20000\b",
    ),
    (
        "bomb of deflate",
        {"inputs": inputs("a" * 5_000_000), "request_compression_algorithm": "deflate"},
        413,
        r"\b20000\b",
    ),
    ("no version at all", {"inputs": inputs("a"), "model_version": "latest"}, 404, ""),
    ("model without a name", {"inputs": inputs("a"), "model_name": ""}, 404, ""),
]


@CLIENTS
@BINARY
@pytest.mark.parametrize(("arguments", "status", "says"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_is_an_error_of_the_client_that_says_what_is_wrong(
    triton: Worker,
    limited: Server,
    client: str,
    binary: bool,
    arguments: dict[str, Any],
    status: int,
    says: str,
) -> None:
    sent = [{**one, "binary": binary} for one in arguments["inputs"]]
    failure = refusal(triton, limited, client, **arguments | {"inputs": sent})
    assert failure.status == status, failure
    assert re.search(says, failure.message), failure


@CLIENTS
@pytest.mark.parametrize(
    "odd",
    ["fffe", "c0af", "eda080", "f4908080", "e282", "80"],
    ids=["utf-16", "overlong", "surrogate", "far", "cut", "tail"],
)
def test_bytes_that_are_no_text_are_refused(triton: Worker, limited: Server, client: str, odd: str) -> None:
    text = SECRET.encode().hex()
    failure = refusal(triton, limited, client, inputs=inputs("good", {"hex": f"{text}{odd}{text}"}))
    assert failure.status == 400
    assert "UTF-8" in failure.message


@CLIENTS
@BINARY
def test_no_reviews_are_answered_with_no_probabilities_or_refused(
    triton: Worker, limited: Server, client: str, binary: bool
) -> None:
    """The protocol knows empty tensors; /predict wants a review."""
    request = {"model_name": MODEL, "inputs": inputs(binary=binary)}
    (answer,) = triton.ask(
        limited.url, "gather" if client == "aio" else "async_infer", client=client, requests=[request]
    )
    if "value" in answer:
        assert answer["value"]["tensors"][OUTPUT]["shape"] == [0]
    else:
        assert (answer["error"]["status"], answer["error"]["undecoded"]) == (400, False)


@CLIENTS
@BINARY
def test_limits_can_be_reached(triton: Worker, limited: Server, client: str, binary: bool) -> None:
    reviews = ["a" * 1000, "\U0001f600" * 1000, *["superb"] * 6]
    answer = infer(triton, limited, client, inputs=inputs(*reviews, binary=binary))
    assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(limited, reviews))


def test_body_made_beforehand_is_answered(triton: Worker, server: Server) -> None:
    for binary in (True, False):
        made = triton.ask(
            server.url,
            "generate_request_body",
            arguments={"inputs": inputs("superb", "dull", binary=binary), "request_id": "x"},
        )
        assert (made["header_length"] is not None) == binary
        headers = {"Inference-Header-Content-Length": str(made["header_length"])} if binary else {}
        path = f"{server.url}/v2/models/{MODEL}/infer"
        response = httpx.post(path, content=bytes.fromhex(made["body"]), headers=headers)
        assert response.status_code == 200
        answer = triton.ask(
            server.url,
            "parse_response_body",
            body=response.content.hex(),
            header_length=int(response.headers["Inference-Header-Content-Length"]),
        )
        assert answer["response"]["id"] == "x"
        assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(server, ["superb", "dull"]))


@pytest.mark.parametrize(("client", "name"), [("sync", "async_infer"), ("aio", "gather")])
def test_requests_at_once_get_their_own_answers(triton: Worker, server: Server, client: str, name: str) -> None:
    reviews = ["superb film", "awful film", "moving story", "boring plot", "the end", "great", "worst", "mess of it"]
    requests = []
    for number in range(64):
        good = number % 4 != 3  # every fourth asks for what is not there
        sent = inputs(reviews[number % 8], name=INPUT if good else "other", binary=number % 2 == 0)
        requests.append({"model_name": MODEL, "inputs": sent, "request_id": f"no. {number}"})
    answers = triton.ask(server.url, name, client=client, requests=requests)
    for number, answer in enumerate(answers):
        if number % 4 == 3:
            assert answer["error"]["status"] == 400
            assert not answer["error"]["undecoded"]
        else:
            assert answer["value"]["response"]["id"] == f"no. {number}"
            assert answer["value"]["tensors"][OUTPUT]["bits"] == bits(predicted(server, [reviews[number % 8]]))


@CLIENTS
def test_key_opens_and_its_absence_does_not(triton: Worker, guarded: Server, client: str) -> None:
    for name in ("is_server_live", "is_server_ready"):
        assert call(triton, guarded, client, name) is True
    assert call(triton, guarded, client, "get_server_metadata")["name"]
    assert call(triton, guarded, client, "is_model_ready", model_name=MODEL) is False
    for headers in ({}, {"Authorization": f"Bearer {KEY}x"}):
        failures = [
            refusal(triton, guarded, client, "get_model_metadata", model_name=MODEL, headers=headers),
            refusal(triton, guarded, client, inputs=inputs("a"), headers=headers),
            refusal(triton, guarded, client, inputs=inputs("a"), model_name="other", headers=headers),
        ]
        for failure in failures:
            assert failure.status == 401
            assert "Authorization: Bearer" in failure.message
    key = {"Authorization": f"Bearer {KEY}"}
    assert call(triton, guarded, client, "is_model_ready", model_name=MODEL, headers=key) is True
    assert call(triton, guarded, client, "get_model_metadata", model_name=MODEL, headers=key)["inputs"] == [TEXT]
    answer = infer(triton, guarded, client, inputs=inputs("superb"), headers=key)
    assert answer["tensors"][OUTPUT]["bits"] == bits(predicted(guarded, ["superb"], KEY))


def test_server_with_too_much_to_do_says_so(triton: Worker, models: Path) -> None:
    with serving(model_dir=models, runtime="litert", max_reviews=64, max_waiting=64) as server:
        sent = inputs(*["superb " * 5000] * 40)
        requests = [{"model_name": MODEL, "inputs": sent}] * 24
        answers = triton.ask(server.url, "gather", client="aio", requests=requests)
        refused = [answer["error"] for answer in answers if "error" in answer]
        assert 0 < len(refused) < 24
        for error in refused:
            assert (error["kind"], error["status"], error["undecoded"]) == ("InferenceServerException", 503, False)
            assert re.search("would exceed the limit|The limit of .* was reached", error["message"])
        time.sleep(0.1)
        assert infer(triton, server, "sync", inputs=inputs("superb"))["tensors"][OUTPUT]["shape"] == [1]


def test_deadline_is_an_error_of_the_client(triton: Worker, models: Path) -> None:
    with serving(model_dir=models, runtime="litert", deadline=0.001) as server:
        failure = refusal(triton, server, "sync", inputs=inputs(*["superb " * 5000] * 50))
        assert failure.status == 504
        assert "0.001 seconds" in failure.message
