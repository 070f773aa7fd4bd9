"""What a route states about itself, and `PredictionRoute`, which handles requests without FastAPI's machinery."""

from pathlib import Path

import httpx
from fastapi import Request, Response
from fastapi.testclient import TestClient

from app.api.routing import PredictionRoute
from app.main import create_app
from app.settings import Settings
from tests.scraping import number, scrape
from tests.servers import Server


async def echo(request: Request, parameter: str = "untouched") -> Response:
    return Response(f"{type(request).__name__} {parameter} {(await request.body()).decode()}")


def test_prediction_route_calls_its_endpoint_with_the_request_alone(models: Path) -> None:
    """Fails if FastAPI no longer calls `handle`."""
    app = create_app(Settings(model_dir=models, runtime="numpy"))
    app.router.add_api_route("/echo", echo, methods=["POST"], route_class_override=PredictionRoute)
    with TestClient(app) as client:
        assert client.post("/echo?parameter=resolved", content=b"hi").text == "Request untouched hi"


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
