"""HEAD on what probes and browsers ask for; over a real connection, on which the next request must still work."""

import http.client

import pytest

from tests.scraping import number, scrape
from tests.servers import PATIENCE, Server

PATHS = ["/health/live", "/health/ready", "/v2/health/live", "/", "/docs", "/playground/playground.js", "/nowhere"]
CHANGES = {"date", "x-request-id"}


def ask(connection: http.client.HTTPConnection, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers that stay the same, and body."""
    connection.request(method, path)
    response = connection.getresponse()
    headers = {name.lower(): value for name, value in response.getheaders() if name.lower() not in CHANGES}
    return response.status, headers, response.read()


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does_without_the_body(served: Server, path: str) -> None:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        for _ in range(2):
            get, head = (ask(connection, method, path) for method in ("GET", "HEAD"))
            assert head[:2] == get[:2]
            assert head[2] == b""
    finally:
        connection.close()


def test_head_of_metrics_is_answered_and_counted(served: Server) -> None:
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=PATIENCE)
    try:
        assert (ask(connection, "HEAD", "/metrics")[0], ask(connection, "HEAD", "/model")[0]) == (200, 405)
    finally:
        connection.close()
    for route, status in (("/metrics", "200"), ("/model", "405")):
        assert number(scrape(served.url), "http_requests_total", method="HEAD", route=route, status=status) >= 1
