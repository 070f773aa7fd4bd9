"""HEAD: what GET would answer, without the body; over a real connection, on which the next request must still work."""

import http.client
import json

import pytest

from tests.servers import PATIENCE, ROOT, Server

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())
PATHS = [
    *(path.format(model_name="imdb", model_version="2") for path, item in DOCUMENT["paths"].items() if "get" in item),
    "/",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/playground/playground.js",
    "/playground/plots/loss.png",
    "/nowhere",
    "/v2/nowhere",
    "/predict",
    "/v2/models/imdb/infer",
]
CHANGES = {"date", "x-request-id", "content-length"}


def answer(connection: http.client.HTTPConnection, method: str, path: str) -> tuple[int, dict[str, str], int, bytes]:
    """Status, headers that stay the same, Content-Length and body."""
    connection.request(method, path)
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders()}
    kept = {name: value for name, value in headers.items() if name not in CHANGES}
    return response.status, kept, int(headers["content-length"]), response.read()


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does_without_the_body(served: Server, path: str) -> None:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        for _ in range(2):
            get, head = (answer(connection, method, path) for method in ("GET", "HEAD"))
            assert head[:2] == get[:2]
            assert get[2] == len(get[3])
            if path != "/metrics":  # which counts the request before
                assert head[2] == get[2]
            assert head[3] == b""
    finally:
        connection.close()


def test_head_is_counted_as_such(served: Server) -> None:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        answer(connection, "HEAD", "/model")
        metrics = answer(connection, "GET", "/metrics")[3].decode()
    finally:
        connection.close()
    assert any('method="HEAD"' in line and 'route="/model"' in line for line in metrics.splitlines())
