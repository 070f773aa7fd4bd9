"""What the playground is made of, over HTTP: its policy, caching, plots, switches; and below a proxy's prefix."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect

from app.main import create_app
from app.settings import Settings
from tests.browser.chromium import Visit
from tests.browser.conftest import KEY
from tests.proxies import proxying
from tests.servers import ROOT, Server

PREFIX = "/sentiment"
FOLDER = ROOT / "app/playground"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_page_has_a_strict_policy(client: TestClient) -> None:
    policy = client.get("/", headers=BROWSER).headers["Content-Security-Policy"]
    assert dict(directive.split(" ", 1) for directive in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_documentation_runs_no_script_within_the_page(client: TestClient) -> None:
    response = client.get("/docs")
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    assert not re.findall(r"<script(?![^>]*src=)|style=|\son\w+=", response.text)


def test_only_who_names_html_gets_the_page(client: TestClient) -> None:
    page = client.get("/", headers=BROWSER)
    assert page.headers["Content-Type"].startswith("text/html")
    for headers in ({}, {"Accept": "application/json"}):
        answer = client.get("/", headers=headers)
        assert answer.json() == {"status": "alive"}
        assert answer.headers["Vary"] == page.headers["Vary"] == "Accept"


def test_page_holds_no_script_and_no_style(client: TestClient) -> None:
    page = client.get("/", headers=BROWSER).text
    assert not re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", page)


def test_playground_names_nothing_elsewhere(client: TestClient) -> None:
    for file in FOLDER.iterdir():
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"(?:https?:)?//\w+\.", text.replace("// ", "")), file
    page = client.get("/", headers=BROWSER).text
    links = re.findall(r'(?:src|href)="(playground/[^"]+)"', page)
    assert len(links) == 3
    for link in links:
        assert client.get(urljoin("/", link)).status_code == 200


def test_scripts_import_what_is_there() -> None:
    files = {file.name for file in FOLDER.iterdir()}
    imported = {name for file in FOLDER.glob("*.js") for name in re.findall(r'from "\./([\w.]+)"', file.read_text())}
    assert imported == {name for name in files if name.endswith(".js")} - {"playground.js"}


@pytest.mark.parametrize("name", ["playground.js", "playground.css", "icon.svg"])
def test_asset_is_asked_for_anew_and_not_sent_twice(client: TestClient, name: str) -> None:
    response = client.get(f"/playground/{name}")
    assert response.headers["Cache-Control"] == "no-cache"
    again = client.get(f"/playground/{name}", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["loss", "accuracy"])
def test_plot_is_the_bundles(client: TestClient, models: Path, name: str) -> None:
    response = client.get(f"/playground/plots/{name}.png")
    assert response.headers["Content-Type"] == "image/png"
    assert response.content == (models / f"1/report/{name}.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["reliability.png", "history.json", "loss", "loss.png/", "../manifest.json", "..%2fmanifest.json", "%2e%2e"]
)
def test_nothing_else_of_the_bundle_is_served(client: TestClient, name: str) -> None:
    response = client.get(f"/playground/plots/{name}")
    assert response.status_code == 404
    assert response.json()["type"] == "urn:problem-type:sentiment:not-found"


def test_playground_is_switched_off(models: Path) -> None:
    with TestClient(create_app(Settings(model_dir=models, playground=False, runtime="litert"))) as client:
        for path in ("/playground/playground.js", "/playground/plots/loss.png"):
            assert client.get(path).status_code == 404
        assert client.get("/", headers=BROWSER).json() == {"status": "alive"}
        assert client.get("/docs").status_code == 200


def test_playground_without_documentation_does_not_name_it(models: Path) -> None:
    with TestClient(create_app(Settings(model_dir=models, docs=False, runtime="litert"))) as client:
        assert " data-docs" not in client.get("/", headers=BROWSER).text.split(">", 2)[1]
        for path in ("/docs", "/docs/assets/swagger-ui.css"):
            assert client.get(path).status_code == 404


def test_page_needs_no_key(guarded: Server) -> None:
    for path in ("/", "/playground/playground.js", "/docs"):
        assert httpx.get(f"{guarded.url}{path}", headers=BROWSER).status_code == 200
    assert httpx.get(f"{guarded.url}/model", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


@pytest.fixture
def prefixed(served: Server) -> Iterator[str]:
    """The address of the service behind a proxy that removes a prefix."""
    with proxying(served.url, PREFIX) as proxy:
        yield proxy.url


def test_pages_work_below_a_prefix(visits: Callable[..., Visit], prefixed: str) -> None:
    visit = visits(prefixed)
    visit.open()
    visit.ask("A superb and moving film")
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.page.get_by_role("img", name="Plot: training and validation loss")).to_be_visible()
    visit.page.get_by_text("Show them").click()
    expect(visit.page.locator("#curl")).to_contain_text(f"{prefixed}/predict")
    visit.page.get_by_role("link", name="API documentation").click()
    block = visit.page.locator("#operations-predictions-predict")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response .response-col_status").first).to_have_text("200")
