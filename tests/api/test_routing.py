"""Busy routes over the framework's hook, and requests whose client disconnects."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient

from app.api.errors import BodyTimeout, add_error_handlers
from app.api.routing import DirectRoute
from app.api.schemas import Health
from tests.raw_http import connected, request
from tests.scraping import number, scrape
from tests.servers import ROOT, Server, serving, wait_until

router = APIRouter(route_class=DirectRoute)


@router.post("/echo", summary="Echo", response_model=Health)
async def echo(request: Request, parameter: str = "untouched") -> Response:
    """Return what the endpoint received."""
    return Response(f"{type(request).__name__} {parameter} {(await request.body()).decode()}")


@router.post("/late")
async def late(request: Request) -> Response:
    """Raise an error of the table."""
    raise BodyTimeout(1)


@pytest.fixture
def direct() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router)
    add_error_handlers(app)
    with TestClient(app) as client:
        yield client


def test_direct_route_calls_its_endpoint_with_the_request_alone(direct: TestClient) -> None:
    """Fails if FastAPI stops to call `get_route_handler`, or wraps what it returns."""
    assert direct.post("/echo?parameter=resolved", content=b"hi").text == "Request untouched hi"


def test_direct_route_is_documented(direct: TestClient) -> None:
    operation = direct.get("/openapi.json").json()["paths"]["/echo"]["post"]
    assert operation["summary"] == "Echo"
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Health"}


def test_direct_route_leaves_errors_to_the_handlers(direct: TestClient) -> None:
    response = direct.post("/late")
    assert response.status_code == 408
    assert response.json()["type"] == "urn:problem-type:sentiment:request-timeout"


TERMS = list(json.loads((ROOT / "models/imdb/1/word_index.json").read_text()))
LONG = "superb " * 7000
WORDY = " ".join(TERMS[:3000])


@pytest.fixture(scope="module")
def patient() -> Iterator[Server]:
    """The shipped bundle with limits that allow requests of some seconds."""
    limits = {"max_reviews": 400, "max_waiting": 400, "max_explained": 100, "max_body_bytes": 50_000_000}
    with serving(model_dir=Path("models/imdb"), runtime="litert", deadline=60, **limits) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "body", "started", "scored"),
    [
        ("/predict", {"reviews": [LONG] * 400}, "reviews_total", "reviews_total"),
        ("/v1/models/imdb:predict", {"instances": [LONG] * 400}, "reviews_total", "reviews_total"),
        ("/explain", {"reviews": [WORDY] * 100}, "explanations_in_progress", "explained_reviews_total"),
        (
            "/v1/models/imdb:explain",
            {"instances": [WORDY] * 100},
            "explanations_in_progress",
            "explained_reviews_total",
        ),
    ],
)
def test_request_is_dropped_when_its_client_disconnects(
    patient: Server, path: str, body: dict[str, Any], started: str, scored: str
) -> None:
    before = scrape(patient.url)
    content = json.dumps(body).encode()
    headers = ("Host: x", "Content-Type: application/json", f"Content-Length: {len(content)}")
    with connected(patient) as connection:
        connection.send(request(f"POST {path} HTTP/1.1", *headers, f"X-Request-ID: leaves{path}", body=content))
        wait_until(lambda: number(scrape(patient.url), started) > number(before, started))

    patient.wait_for(f"leaves{path}")
    (line,) = [line for line in patient.logs() if line.get("request_id") == f"leaves{path}"]
    assert (line["level"], line["event"], line["status"]) == ("info", "request", 499)
    for gauge in ("waiting_reviews", "explanations_in_progress"):
        wait_until(lambda gauge=gauge: number(scrape(patient.url), gauge) == 0)  # type: ignore[misc]
    after = scrape(patient.url)
    assert sum(value for (name, labels), value in after.items() if ("status", "499") in labels) == (
        sum(value for (name, labels), value in before.items() if ("status", "499") in labels) + 1
    )
    assert number(after, scored) - number(before, scored) < (400 if scored == "reviews_total" else 1)
