"""What clients of other protocols are told while the service starts and while it stops."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.protocols.expectations import INPUT, MODEL, VERSION, error_of
from tests.protocols.workers import Failure, Worker
from tests.servers import Server, ready_when_told, serving, wait_until

V1 = f"/v1/models/{MODEL}"
V2 = f"/v2/models/{MODEL}"
INSTANCES = {"instances": ["superb"]}
REQUEST = {"inputs": [{"name": INPUT, "shape": [1], "datatype": "BYTES", "data": ["superb"]}]}


@pytest.fixture(scope="module")
def starting(models: Path, triton: Worker, kserve: Worker) -> Iterator[Server]:
    """A server that is not ready for as long as the tests take."""
    for worker, more in ((triton, {"client": "sync", "arguments": {}}), (kserve, {"protocol": "v2"})):
        with pytest.raises(Failure):  # what is slow about the first call is over
            worker.ask("http://127.0.0.1:1", "is_server_live", **more)
    with ready_when_told(model_dir=models) as (server, tell):
        yield server
        assert httpx.get(f"{server.url}/health/ready").status_code == 503, "it did not wait to be told"
        tell()
        server.wait_ready()  # it was only starting, and not broken


def refusal(worker: Worker, server: Server, call: str, **request: Any) -> Failure:
    with pytest.raises(Failure) as caught:
        worker.ask(server.url, call, **request)
    assert caught.value.status == 503
    assert "starting" in caught.value.message
    return caught.value


def test_server_that_starts_tells_so_by_hand(starting: Server) -> None:
    assert httpx.get(f"{starting.url}/v2").status_code == 200
    assert httpx.get(f"{starting.url}/v2/health/live").json() == {"live": True}
    for path in ("/v2/health/ready", V2, f"{V2}/ready", f"{V2}/versions/{VERSION}/ready", V1, "/v1/models"):
        response = httpx.get(f"{starting.url}{path}")
        assert "starting" in error_of(response, 503)
        assert response.headers["Retry-After"]
    for path, body in ((f"{V2}/infer", REQUEST), (f"{V1}:predict", INSTANCES)):
        response = httpx.post(f"{starting.url}{path}", json=body)
        assert "starting" in error_of(response, 503)
        assert response.headers["Retry-After"]


@pytest.mark.parametrize("client", ["sync", "aio"])
def test_server_that_starts_tells_so_to_tritonclient(triton: Worker, starting: Server, client: str) -> None:
    def health(call: str, **arguments: Any) -> Any:
        return triton.ask(starting.url, call, client=client, arguments=arguments)

    assert health("is_server_live") is True
    assert health("is_server_ready") is False
    assert health("is_model_ready", model_name=MODEL) is False
    assert health("get_server_metadata")["name"]
    named = {"model_name": MODEL}
    assert not refusal(triton, starting, "get_model_metadata", client=client, arguments=named).undecoded
    for binary in (True, False):
        arguments = {**named, "inputs": [{"values": ["superb"], "binary": binary}]}
        assert not refusal(triton, starting, "infer", client=client, arguments=arguments).undecoded


def test_server_that_starts_tells_so_to_kserve(kserve: Worker, starting: Server) -> None:
    assert kserve.ask(starting.url, "is_server_live", protocol="v2") is True
    for protocol in ("v1", "v2"):
        assert kserve.ask(starting.url, "is_model_ready", protocol=protocol, model=MODEL) is False
    refusal(kserve, starting, "is_server_ready", protocol="v2")
    refusal(kserve, starting, "infer", protocol="v1", model=MODEL, data=INSTANCES)
    refusal(kserve, starting, "infer", protocol="v2", model=MODEL, data=REQUEST)


def test_server_that_stops_is_not_ready_and_answers(models: Path) -> None:
    with serving(model_dir=models, runtime="litert", drain=1000) as server:  # the second SIGTERM, of `serving`, ends it
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/v2/health/ready").status_code == 503)
        for path in ("/v2/health/ready", f"{V2}/ready", V1):
            assert "stopping" in error_of(httpx.get(f"{server.url}{path}"), 503)
        assert httpx.get(f"{server.url}/v2/health/live").json() == {"live": True}
        for path, body in ((f"{V2}/infer", REQUEST), (f"{V1}:predict", INSTANCES)):
            response = httpx.post(f"{server.url}{path}", json=body)
            assert response.status_code == 200
            assert response.headers["Connection"] == "close"
