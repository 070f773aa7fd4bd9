"""What clients of other protocols get while the service is stopping."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.protocols.expectations import INPUT, MODEL, error_of
from tests.protocols.workers import Worker
from tests.servers import Server, serving

V1 = f"/v1/models/{MODEL}"
V2 = f"/v2/models/{MODEL}"
INSTANCES = {"instances": ["superb"]}
REQUEST = {"inputs": [{"name": INPUT, "shape": [1], "datatype": "BYTES", "data": ["superb"]}]}


@pytest.fixture(scope="module")
def draining(models: Path) -> Iterator[Server]:
    with serving(model_dir=models, runtime="litert", drain=1000) as server:  # the second SIGTERM, of `serving`, ends it
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        yield server


def test_draining_server_is_not_ready_but_answers(draining: Server) -> None:
    for path in ("/v2/health/ready", f"{V2}/ready", V1):
        response = httpx.get(f"{draining.url}{path}")
        assert "stopping" in error_of(response, 503)
        assert response.headers["Retry-After"] == "1"
    assert httpx.get(f"{draining.url}/v2/health/live").json() == {"live": True}
    for path, body in ((f"{V2}/infer", REQUEST), (f"{V1}:predict", INSTANCES)):
        response = httpx.post(f"{draining.url}{path}", json=body)
        assert (response.status_code, response.headers["Connection"]) == (200, "close")


@pytest.mark.parametrize("client", ["sync", "aio"])
def test_draining_server_is_not_ready_for_tritonclient_but_answers(
    triton: Worker, draining: Server, client: str
) -> None:
    named = {"model_name": MODEL}
    for call, arguments, expected in (
        ("is_server_live", {}, True),
        ("is_server_ready", {}, False),
        ("is_model_ready", named, False),
    ):
        assert triton.ask(draining.url, call, client=client, arguments=arguments) is expected
    assert triton.ask(
        draining.url, "infer", client=client, arguments={**named, "inputs": [{"values": ["superb"], "binary": True}]}
    )


def test_draining_server_is_not_ready_for_kserve_but_answers(kserve: Worker, draining: Server) -> None:
    assert kserve.ask(draining.url, "is_server_live", protocol="v2") is True
    for protocol, data in (("v1", INSTANCES), ("v2", REQUEST)):
        assert kserve.ask(draining.url, "is_model_ready", protocol=protocol, model=MODEL) is False
        assert kserve.ask(draining.url, "infer", protocol=protocol, model=MODEL, data=data)
