"""`DirectRoute` over the framework's hook for custom request handling."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.testclient import TestClient

from app.api.errors import BodyTimeout, add_error_handlers
from app.api.routing import DirectRoute
from app.api.schemas import Health

router = APIRouter(route_class=DirectRoute)


@router.post("/echo", summary="Echo", response_model=Health)
async def echo(request: Request, parameter: str = "untouched") -> Response:
    return Response(f"{type(request).__name__} {parameter} {(await request.body()).decode()}")


@router.post("/late")
async def late(request: Request) -> Response:
    raise BodyTimeout(1)


@pytest.fixture
def direct() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router)
    add_error_handlers(app)
    with TestClient(app) as client:
        yield client


def test_direct_route_calls_its_endpoint_with_the_request_alone(direct: TestClient) -> None:
    """Fails if FastAPI no longer calls `get_route_handler`, or wraps what it returns."""
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
