"""KServe's own client, with both protocols it speaks, against the real service."""

import re
from typing import Any

import httpx
import pytest

from tests.protocols.expectations import INPUT, KEY, MODEL, OUTPUT, REVIEWS, SECRET, bits, predicted
from tests.protocols.workers import Failure, Worker
from tests.servers import Server

WAYS = pytest.mark.parametrize("how", ["binary", "json", "list"])


def ask(worker: Worker, server: Server, call: str, protocol: str = "v2", **request: Any) -> Any:
    return worker.ask(server.url, call, protocol=protocol, **request)


def infer(worker: Worker, server: Server, **request: Any) -> Any:
    return ask(worker, server, "infer", model=MODEL, request=request)


def refusal(worker: Worker, server: Server, call: str, **request: Any) -> Failure:
    """What the client raises: httpx's error with the service's own words in front."""
    with pytest.raises(Failure) as caught:
        ask(worker, server, call, **request)
    failure = caught.value
    assert failure.kind == "HTTPStatusError"
    words = failure.message.split(f", '{failure.status} ")[0]
    assert len(words) > 10, failure
    assert not words.startswith("{"), failure  # the client found no "error" and shows the whole answer
    assert SECRET not in failure.message
    return failure


def test_health_of_a_ready_server_is_good(kserve: Worker, server: Server) -> None:
    assert ask(kserve, server, "is_server_ready") is True
    for protocol in ("v1", "v2"):
        assert ask(kserve, server, "is_server_live", protocol) is True
        assert ask(kserve, server, "is_model_ready", protocol, model=MODEL) is True


def test_model_that_is_not_there_is_not_ready(kserve: Worker, server: Server) -> None:
    assert ask(kserve, server, "is_model_ready", model="other") is False
    assert refusal(kserve, server, "is_model_ready", protocol="v1", model="other").status == 404


@WAYS
@pytest.mark.parametrize("outputs", [None, True, False], ids=["any", "binary", "json"])
@pytest.mark.parametrize("shape", [[len(REVIEWS)], [len(REVIEWS), 1]], ids=["N", "Nx1"])
def test_infer_answers_as_predict_does(
    kserve: Worker, limited: Server, how: str, outputs: bool | None, shape: list[int]
) -> None:
    wanted = None if outputs is None else [{"name": OUTPUT, "binary": outputs}]
    answer = infer(
        kserve, limited, inputs=[{"values": REVIEWS, "how": how, "shape": shape}], request_id="7", outputs=wanted
    )
    expected = predicted(limited, REVIEWS)
    assert (answer["id"], answer["model_name"]) == ("7", MODEL)
    (output,) = answer["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == (OUTPUT, "FP32", [len(REVIEWS)])
    assert output["data"] == expected  # of binary outputs, the client makes such a list itself
    assert output["bits"] == bits(expected)


def test_binary_output_of_everything_can_be_asked_for(kserve: Worker, server: Server) -> None:
    answer = infer(
        kserve,
        server,
        inputs=[{"values": ["superb"], "how": "json"}],
        parameters={"binary_data_output": True, "colour": "green"},
    )
    assert answer["outputs"][0]["bits"] == bits(predicted(server, ["superb"]))


def test_dictionaries_are_answered(kserve: Worker, server: Server) -> None:
    expected = predicted(server, ["superb", "dull"])
    data: dict[str, Any] = {"inputs": [{"name": INPUT, "shape": [2], "datatype": "BYTES", "data": ["superb", "dull"]}]}
    assert ask(kserve, server, "infer", model=MODEL, data=data)["outputs"][0]["data"] == expected
    data = {"instances": ["superb", "dull"]}
    assert ask(kserve, server, "infer", "v1", model=MODEL, data=data) == {"predictions": expected}


FAULTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("input of another name", {"values": ["a"], "name": "review"}, 400, INPUT),
    ("input of another type", {"values": [1], "datatype": "INT64", "how": "list"}, 400, "BYTES"),
    ("too few for the shape", {"values": ["a"], "how": "list", "shape": [2]}, 400, "shape|element|hold"),
    ("two by two", {"values": list("abcd"), "shape": [2, 2]}, 400, "shape"),
    ("too many", {"values": [SECRET] * 9}, 400, r"\b8\b.*\b9\b"),
    ("too long", {"values": ["a" * 1001]}, 400, r"\b1000\b.*\b1001\b"),
    ("too large", {"values": [SECRET * 250] * 8}, 413, r"\b20000\b"),
    ("blank", {"values": ["a", " "]}, 400, "blank|text"),
]


@pytest.mark.parametrize("how", ["binary", "json"])
@pytest.mark.parametrize(("given", "status", "says"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_fault_is_an_error_that_says_what_is_wrong(
    kserve: Worker, limited: Server, how: str, given: dict[str, Any], status: int, says: str
) -> None:
    failure = refusal(kserve, limited, "infer", model=MODEL, request={"inputs": [{"how": how, **given}]})
    assert failure.status == status
    assert re.search(says, failure.message), failure


@pytest.mark.parametrize(
    ("data", "status"),
    [({}, 400), ({"instances": []}, 400), ({"instances": [1]}, 400), ({"instances": [SECRET] * 9}, 400)],
)
def test_fault_of_the_first_protocol_is_an_error(
    kserve: Worker, limited: Server, data: dict[str, Any], status: int
) -> None:
    assert refusal(kserve, limited, "infer", protocol="v1", model=MODEL, data=data).status == status


def test_model_that_is_not_there_is_an_error(kserve: Worker, server: Server) -> None:
    request = {"inputs": [{"values": ["a"], "how": "json"}]}
    assert refusal(kserve, server, "infer", model="other", request=request).status == 404
    data = {"instances": ["a"]}
    assert refusal(kserve, server, "infer", protocol="v1", model="other", data=data).status == 404


def test_explanations_are_those_of_explain(kserve: Worker, server: Server) -> None:
    reviews = ["A superb film", "dull"]
    explanations = httpx.post(f"{server.url}/explain", json={"reviews": reviews}).json()["explanations"]
    data = {"instances": reviews}
    assert ask(kserve, server, "explain", protocol="v1", model=MODEL, data=data) == {"explanations": explanations}
    assert refusal(kserve, server, "explain", protocol="v1", model="other", data=data).status == 404


def test_key_opens_and_its_absence_does_not(kserve: Worker, guarded: Server) -> None:
    assert ask(kserve, guarded, "is_server_live") is True
    assert ask(kserve, guarded, "is_server_ready") is True
    assert ask(kserve, guarded, "is_model_ready", model=MODEL) is False
    data = {"instances": ["superb"]}
    request = {"inputs": [{"values": ["superb"], "how": "binary"}]}
    for failure in (
        refusal(kserve, guarded, "is_model_ready", protocol="v1", model=MODEL),
        refusal(kserve, guarded, "infer", protocol="v1", model=MODEL, data=data),
        refusal(kserve, guarded, "infer", model=MODEL, request=request),
    ):
        assert failure.status == 401
        assert "Authorization: Bearer" in failure.message
    key = {"Authorization": f"Bearer {KEY}"}
    expected = predicted(guarded, ["superb"], KEY)
    for protocol in ("v1", "v2"):
        assert ask(kserve, guarded, "is_model_ready", protocol, model=MODEL, headers=key) is True
    answer = ask(kserve, guarded, "infer", "v1", model=MODEL, data=data, headers=key)
    assert answer == {"predictions": expected}
    answer = ask(kserve, guarded, "infer", model=MODEL, request=request, headers=key)
    assert answer["outputs"][0]["data"] == expected
