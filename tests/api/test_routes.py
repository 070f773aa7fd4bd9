"""Everything but predictions: model, health, docs, OpenAPI, request ids, wrong paths and methods."""

import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.inference.bundle import Bundle
from app.main import create_app
from app.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent


def test_model_describes_the_bundle_and_the_limits(client: TestClient, bundle: Bundle) -> None:
    body = client.get("/model").json()
    assert body["digest"] == bundle.digest
    assert body["metrics"] == bundle.manifest.metrics
    assert body["recipe"]["hidden_units"] == [16, 16]
    assert body["limits"] == {
        "max_reviews": 8,
        "max_explained": 8,
        "max_characters": 1000,
        "max_body_bytes": 20_000,
        "max_waiting": 1024,
    }
    assert "files" not in body


def test_health_of_a_ready_service(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


@pytest.mark.parametrize(("version", "served"), [("1", "1"), (None, "2")])
def test_model_of_the_version_that_the_settings_name(version: str | None, served: str) -> None:
    settings = Settings(model_dir=ROOT / "models/imdb", model_version=version, runtime="litert")
    with TestClient(create_app(settings)) as client:
        body = client.get("/model").json()
    assert (body["version"], body["runtime"]) == (served, "litert")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/playground", 404),
        ("GET", "/playground/", 404),
        ("GET", "/playground/..%2fmain.py", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/redoc", 404),
        ("POST", "/predict/", 404),
        ("GET", "/predict", 405),
        ("DELETE", "/model", 405),
        ("POST", "/health/live", 405),
        ("GET", "/docs/assets/nothing.js", 404),
        ("GET", "/docs/assets/..%2f..%2f__init__.py", 404),
    ],
)
def test_wrong_path_or_method_is_a_problem(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status
    if status == 405:
        assert response.headers["Allow"]


def test_request_id_is_returned(client: TestClient) -> None:
    assert client.get("/health/live", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, 'a"b', "ä".encode().decode("latin-1"), "{}"])
def test_request_id_that_could_forge_logs_is_replaced(client: TestClient, given: str) -> None:
    response = client.get("/health/live", headers={"X-Request-ID": given.encode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


def test_request_ids_differ(client: TestClient) -> None:
    ids = {client.get("/nowhere").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


def test_docs_fetch_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(links) >= 3
    for link in links:
        assert link.startswith("docs/assets/")  # relative, so that it works below a proxy's prefix
        assert client.get(f"/{link}").status_code == 200
    assert "http" not in re.sub(r"<!--.*?-->", "", page)


def test_openapi_is_the_committed_one() -> None:
    """`make openapi` writes it."""
    assert json.loads((ROOT / "openapi.json").read_text()) == create_app(Settings()).openapi()


def test_openapi_knows_every_route_and_problem(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    v1, v2 = "/v1/models/{model_name}", "/v2/models/{model_name}"
    assert set(document["paths"]) == {
        "/predict",
        "/explain",
        "/model",
        "/health/live",
        "/health/ready",
        "/v1/models",
        *(
            f"{v1}{version}{verb}"
            for version in ("", "/versions/{model_version}")
            for verb in ("", ":predict", ":explain")
        ),
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        *(f"{v2}{version}{verb}" for version in ("", "/versions/{model_version}") for verb in ("", "/ready", "/infer")),
    }
    statuses = "200 401 408 413 415 422 500 503 504"
    assert set(document["paths"]["/predict"]["post"]["responses"]) == set(statuses.split())
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]


def test_openapi_responses_match_what_is_sent(client: TestClient) -> None:
    """The problems' members are those of the documented schema."""
    properties = client.get("/openapi.json").json()["components"]["schemas"]["Problem"]["properties"]
    for body in ({"reviews": ["a"] * 9}, {"reviews": [1]}, {"reviews": ["b" * 1001]}):
        assert client.post("/predict", json=body).json().keys() <= properties.keys()
