"""Predictions, the model, health, documentation, request ids, HEAD, wrong paths and methods."""

import json
import re
from dataclasses import asdict

import httpx
import pytest
from fastapi.testclient import TestClient

from app.api.errors import REASONS
from app.api.schemas import PredictResponse
from app.bundles.reading import Bundle
from app.main import create_app
from app.settings import Settings
from tests.models import NEWEST
from tests.servers import ROOT, Server

GOOD = "A superb, wonderful and moving film. Brilliant!"
BAD = "Awful. Boring, dull and terrible: the worst mess."


def test_predict_answers_in_order(client: TestClient, bundle: Bundle) -> None:
    response = client.post("/predict", json={"reviews": [GOOD, BAD, GOOD, "superb xyzzy"]})
    assert response.status_code == 200
    answer = PredictResponse.model_validate_json(response.content, strict=True, extra="forbid")
    assert json.loads(answer.model_dump_json(exclude_none=True)) == response.json()
    assert (answer.model.name, answer.model.version) == ("tiny", "1")
    first, second, third, fourth = answer.predictions
    assert first == third
    assert first.positive_probability > 0.5 > second.positive_probability
    assert (first.sentiment, second.sentiment) == ("positive", "negative")
    assert (first.words, fourth.words, fourth.known_words) == (7, 2, 1)
    rule = bundle.manifest.uncertainty
    assert fourth.uncertain
    for said in answer.predictions:
        assert said.uncertain is rule.applies(said.positive_probability, said.words, said.known_words)


def test_model_describes_the_bundle_and_the_limits(client: TestClient, bundle: Bundle) -> None:
    body = client.get("/model").json()
    assert body["digest"] == bundle.digest
    assert body["metrics"] == bundle.manifest.metrics
    assert body["recipe"]["hidden_units"] == [16, 16]
    assert body["encoding"] == asdict(bundle.manifest.encoding)
    assert body["uncertainty"] == asdict(bundle.manifest.uncertainty)
    assert body["limits"] == {
        "max_reviews": 8,
        "max_explained": 8,
        "max_characters": 1000,
        "max_explained_length": 15_000,
        "max_body_bytes": 20_000,
        "max_waiting": 1024,
    }
    assert "files" not in body


@pytest.mark.parametrize(("version", "expected"), [("1", "1"), (None, NEWEST)])
def test_model_of_the_configured_version_is_served(version: str | None, expected: str) -> None:
    settings = Settings(model_dir=ROOT / "models/imdb", model_version=version, runtime="numpy")
    with TestClient(create_app(settings)) as client:
        body = client.get("/model").json()
    assert (body["version"], body["runtime"]) == (expected, "numpy")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/nowhere", 404),
        ("POST", "/predict/", 404),
        ("GET", "/predict", 405),
        ("HEAD", "/model", 405),
        ("POST", "/health/live", 405),
        ("GET", "/docs/assets/nothing.js", 404),
    ],
)
def test_wrong_path_or_method_is_a_problem(client: TestClient, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert ("Allow" in response.headers) is (status == 405)


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/", "/docs", "/playground/playground.js", "/nowhere"]
)
def test_head_answers_as_get_does_without_the_body(served: Server, path: str) -> None:
    with httpx.Client(base_url=served.url) as client:  # one connection, which a body would break
        for _ in range(2):
            get, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (get.status_code, b"")
            for name in ("Content-Type", "Content-Length", "Content-Security-Policy"):
                assert head.headers[name] == get.headers[name]
        assert client.head("/metrics").status_code == 200
        if path.startswith("/health"):
            assert client.get(path).json() == {"status": path.rpartition("/")[2]}


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, 'a"b', "ä".encode().decode("latin-1"), "{}"])
def test_request_id_that_could_forge_logs_is_replaced(client: TestClient, given: str) -> None:
    headers = {"X-Request-ID": given.encode("latin-1")}
    first, second = (client.get("/nowhere", headers=headers).headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second
    assert client.get("/nowhere", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("path", ["/docs/assets/swagger-ui.css", "/playground/playground.js"])
def test_known_file_is_revalidated_and_not_sent_again(client: TestClient, path: str) -> None:
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/model", "/openapi.json"])
def test_what_rarely_changes_is_not_sent_again(client: TestClient, path: str) -> None:
    first = client.get(path)
    etag = first.headers["ETag"]
    for tags in (etag, f'W/{etag}, "x"', f'"x",{etag}', "*"):  # nginx makes a tag weak when it compresses
        again = client.get(path, headers={"If-None-Match": tags})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    changed = client.get(path, headers={"If-None-Match": '"x"'})
    assert (changed.status_code, changed.content) == (200, first.content)


def test_etag_of_the_model_depends_on_its_version() -> None:
    with TestClient(create_app(Settings(model_dir=ROOT / "models/imdb", model_version="all", runtime="numpy"))) as both:
        tags = {both.get("/model", params={"version": version}).headers["ETag"] for version in ("1", NEWEST)}
    assert len(tags) == 2


def test_types_of_all_problems_are_pages(client: TestClient) -> None:
    """Also of those that only the balancer returns."""
    configuration = (ROOT / "deploy/nginx.conf").read_text()
    block = re.findall(r"map \$status \$error_type {(.*?)}", configuration, re.DOTALL)[0]
    types = [*REASONS, *re.findall(r"\d+ ([a-z-]+);", block)]
    assert len(types) > 20
    for name in types:
        page = client.get(f"/problems/{name}")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"<h1>{name.replace('-', ' ').capitalize()}</h1>" in page.text
    assert client.get("/problems/nothing").status_code == 404
    assert client.get(client.get("/nowhere").json()["type"]).status_code == 200


def test_docs_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs").text
    links = re.findall(r"""<(?:link|script)[^>]* (?:src|href)=["']([^"']+)""", page)
    assert len(links) >= 3
    for link in links:
        assert link.startswith("docs/assets/")  # relative, so that it works below a proxy's prefix
        assert client.get(f"/{link}").status_code == 200
    assert "http" not in re.sub(r"<!--.*?-->", "", page)


def test_openapi_document_is_the_committed_one() -> None:
    """`make openapi` writes it."""
    assert json.loads((ROOT / "openapi.json").read_text()) == create_app(Settings()).openapi()
