"""What a route states about itself, and `DirectRoute`, which handles requests without FastAPI's machinery."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient

from app.api.middleware import DirectPaths
from app.api.routing import DirectRoute
from tests.scraping import number, scrape
from tests.servers import Server

router = APIRouter(route_class=DirectRoute)


@router.post("/echo/{name}")
@router.post("/echo")
async def echo(request: Request, parameter: str = "untouched") -> Response:
    return Response(f"{type(request).__name__} {parameter} {(await request.body()).decode()}")


def test_direct_route_calls_its_endpoint_with_the_request_alone() -> None:
    """Fails if FastAPI no longer calls `handle`."""
    app = FastAPI()
    app.include_router(router)
    assert TestClient(app).post("/echo?parameter=resolved", content=b"hi").text == "Request untouched hi"


def test_probes_are_logged_only_if_they_fail(server: Server) -> None:
    for path in ("/health/live", "/v2/health/ready", "/metrics", "/model", "/health/nowhere"):
        httpx.get(server.url + path, headers={"X-Request-ID": f"probe{path}"})
    server.wait_for("probe/health/nowhere")
    logged = [line["path"] for line in server.logs() if line.get("request_id", "").startswith("probe")]
    assert logged == ["/model", "/health/nowhere"]


def test_files_are_counted_under_their_own_route(server: Server) -> None:
    """Not under `/health/live`, which is the rest of the path below the mount."""
    httpx.get(f"{server.url}/health/live")  # creates the series
    before = number(scrape(server.url), "http_request_duration_seconds_count", route="/health/live")
    assert httpx.get(f"{server.url}/docs/assets/health/live").status_code == 404
    numbers = scrape(server.url)
    assert number(numbers, "http_request_duration_seconds_count", route="/health/live") == before
    assert number(numbers, "http_requests_total", route="/docs/assets", status="404") == 1


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/echo", "Request untouched hi"),
        ("GET", "/echo", "next"),
        ("POST", "/echo/", "next"),
        ("POST", "/echo/{name}", "next"),  # the path of a route with a parameter, word for word
    ],
)
def test_only_exact_paths_of_direct_routes_skip_the_next_application(method: str, path: str, expected: str) -> None:
    paths = DirectPaths(Response("next"), [route for route in router.routes if isinstance(route, DirectRoute)])
    assert TestClient(paths).request(method, path, content=b"hi").text == expected
