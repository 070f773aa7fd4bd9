"""Several versions served at once: each answers as if it were served alone."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.bundles.reading import identify_bundles
from app.main import create_app
from app.model.errors import BundleError
from app.settings import Settings
from tests.models import MODELS, NEWEST, resealed
from tests.scraping import number, numbers_in

REVIEWS = ["Good.", "Not bad at all.", "I loved it, zyzzyva!", "A dull waste of time. " * 30]
TENSOR = {"name": "text", "datatype": "BYTES", "shape": [len(REVIEWS)], "data": REVIEWS}
OLDER = "1"


def served(**settings: Any) -> TestClient:
    return TestClient(create_app(Settings(model_dir=MODELS, runtime="numpy", **settings)))


@pytest.fixture(scope="module")
def both() -> Iterator[TestClient]:
    with served(model_version=f"{NEWEST},{OLDER}") as client:
        yield client


def answers(client: TestClient, version: str, path: Callable[[str, str], str]) -> list[Any]:
    """Everything a client can ask about one version, by the paths that `path` returns for a route and a version."""
    responses = [
        client.post(path("/predict", version), json={"reviews": REVIEWS}),
        client.post(path("/explain", version), json={"reviews": REVIEWS}),
        client.post(path("/v1/models/imdb:predict", version), json={"instances": REVIEWS}),
        client.post(path("/v2/models/imdb/infer", version), json={"inputs": [TENSOR]}),
    ]
    assert {response.status_code for response in responses} == {200}
    return [response.json() for response in responses]


def named(path: str, version: str) -> str:
    if not path.startswith("/v"):
        return f"{path}?version={version}"
    return path.replace("/models/imdb", f"/models/imdb/versions/{version}")


def unnamed(path: str, _: str) -> str:
    return path


@pytest.mark.parametrize("version", [NEWEST, OLDER])
def test_each_version_answers_as_if_it_were_served_alone(both: TestClient, version: str) -> None:
    with served(model_version=version) as alone:
        expected = answers(alone, version, unnamed)
        described = alone.get("/model").json()
        assert alone.get(f"/model?version={version}").json() == described
    assert answers(both, version, named) == expected
    versions = [NEWEST, OLDER]
    assert both.get(f"/model?version={version}").json() == described | {"versions": versions}
    assert both.get(f"/v1/models/imdb/versions/{version}").json()["model_version_status"][0]["version"] == version
    assert both.get(f"/v2/models/imdb/versions/{version}").json()["versions"] == versions
    assert both.get(f"/v2/models/imdb/versions/{version}/ready").json()["ready"]


def test_first_version_is_the_default(both: TestClient) -> None:
    assert answers(both, NEWEST, unnamed) == answers(both, NEWEST, named)
    assert both.get("/model").json()["version"] == NEWEST
    states = both.get("/v1/models/imdb").json()["model_version_status"]
    assert [(state["version"], state["state"]) for state in states] == [(NEWEST, "AVAILABLE"), (OLDER, "AVAILABLE")]
    with served(model_version=f"{OLDER},{NEWEST}") as other:
        assert answers(other, OLDER, unnamed) == answers(both, OLDER, named)


def test_version_that_is_not_served_is_not_found(both: TestClient) -> None:
    message = f"Only imdb, versions {NEWEST}, {OLDER}, are served; request one of these or omit the version."
    for version in ("2", "", "latest"):
        for path in ("/predict", "/explain"):
            response = both.post(f"{path}?version={version}", json={"reviews": REVIEWS})
            assert (response.status_code, response.json()["detail"]) == (404, message)
        assert both.get(f"/model?version={version}").status_code == 404
    response = both.post("/v2/models/imdb/versions/2/infer", json={"inputs": [TENSOR]})
    assert (response.status_code, response.json()) == (404, {"error": message})
    assert both.get("/v1/models/other/versions/1").status_code == 404


def test_metrics_tell_versions_apart() -> None:
    with served(model_version="all") as client:
        for query in ("", f"?version={OLDER}", f"?version={OLDER}"):
            client.post(f"/predict{query}", json={"reviews": REVIEWS})
        client.post(f"/explain?version={OLDER}", json={"reviews": REVIEWS})
        numbers = numbers_in(client.get("/metrics").text)
    for version, requests, explained in ((NEWEST, 1, 0), (OLDER, 2, len(REVIEWS))):
        assert number(numbers, "bundle_info", version=version) == 1
        assert number(numbers, "reviews_total", version=version) == requests * len(REVIEWS)
        assert number(numbers, "explained_reviews_total", version=version) == explained
        assert number(numbers, "positive_probability_bucket", version=version, le="+Inf") == requests * len(REVIEWS)
        for stage in ("queue", "text", "model"):
            assert number(numbers, "stage_duration_seconds_count", version=version, stage=stage) == requests
        assert number(numbers, "training_share", version=version, feature="words", le="+Inf") == 1


def test_versions_must_share_a_name(models: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(models / "1", tmp_path / "tiny/1"))
    manifest = (copy / "manifest.json").read_bytes()
    resealed(copy, manifest.replace(b'"name": "tiny"', b'"name": "other"', 1))
    bundles = [*identify_bundles(MODELS, NEWEST), *identify_bundles(copy.parent)]
    with (
        pytest.raises(BundleError, match="the versions have different names: imdb, other"),
        TestClient(create_app(Settings(runtime="numpy"), bundles)),
    ):
        pass
