"""What both protocols answer to wrong paths and methods, and while the service is stopping."""

import httpx
import pytest

from tests.protocols.expectations import INPUT, MODEL, VERSION, error_of
from tests.servers import Server

V1, V2 = f"/v1/models/{MODEL}", f"/v2/models/{MODEL}"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", f"{V2}/infer", "POST"),
        ("POST", V2, "GET"),
        ("GET", f"{V1}:predict", "POST"),
        ("GET", f"{V1}/versions/{VERSION}:explain", "POST"),
        ("POST", V1, "GET"),
    ],
)
def test_wrong_method_is_answered_405(server: Server, method: str, path: str, allow: str) -> None:
    response = httpx.request(method, f"{server.url}{path}")
    error_of(response, 405)
    assert response.headers["Allow"] == allow


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/nothing"),
        ("POST", "/v2/models/other/infer"),
        ("POST", "/v2/models/{model_name}/infer"),
        ("POST", "/v2/models//infer"),
        ("POST", f"/v2/models/{MODEL}%00/infer"),
        ("POST", "/v2/models/%ff/infer"),
        ("POST", f"{V2}/versions/9/infer"),
        ("GET", f"{V2}/versions/0{VERSION}"),
        ("POST", "/v2/repository/index"),
        ("GET", "/v1/models/other"),
        ("POST", "/v1/models/other:predict"),
        ("POST", f"{V1}/versions/9:predict"),
        ("POST", f"{V1}/labels/stable:predict"),
    ],
)
def test_wrong_path_is_answered_404(server: Server, method: str, path: str) -> None:
    error_of(httpx.request(method, f"{server.url}{path}"), 404)


@pytest.mark.parametrize("path", ["/v20", "/v3", "/V2"])
def test_paths_of_no_protocol_have_problems_as_errors(server: Server, path: str) -> None:
    response = httpx.get(f"{server.url}{path}")
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_draining_server_is_not_ready_but_answers(draining: Server) -> None:
    for path in ("/v2/health/ready", f"{V2}/ready", V1):
        response = httpx.get(f"{draining.url}{path}")
        assert "stopping" in error_of(response, 503)
        assert response.headers["Retry-After"] == "1"
    assert httpx.get(f"{draining.url}/v2/health/live").json() == {"live": True}
    tensor = {"name": INPUT, "shape": [1], "datatype": "BYTES", "data": ["superb"]}
    for path, body in ((f"{V2}/infer", {"inputs": [tensor]}), (f"{V1}:predict", {"instances": ["superb"]})):
        response = httpx.post(f"{draining.url}{path}", json=body)
        assert (response.status_code, response.headers["Connection"]) == (200, "close")
