"""How the pages are served: policy, content negotiation, model cards, switches, and below a proxy's prefix."""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Route, expect

from app.main import create_app
from app.settings import Settings
from tests.browser.chromium import Visits
from tests.models import MODELS, NEWEST
from tests.servers import Server

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
REPORT = f"/playground/report/{NEWEST}"
POLICY = {
    "default-src": "'none'",
    **dict.fromkeys(("script-src", "style-src", "img-src", "connect-src"), "'self'"),
    **dict.fromkeys(("base-uri", "form-action", "frame-ancestors"), "'none'"),
}


@pytest.fixture(scope="module")
def client(served: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url) as client:
        yield client


def test_page_is_for_clients_that_accept_html_and_has_a_strict_policy(client: httpx.Client) -> None:
    page = client.get("/", headers=BROWSER)
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert dict(directive.split(" ", 1) for directive in policy.split("; ")) == POLICY
    assert "script-src 'self';" in client.get("/docs").headers["Content-Security-Policy"]
    assert client.get(f"{REPORT}/card").headers["Content-Security-Policy"] == policy
    for headers in ({}, {"Accept": "application/json"}):
        response = client.get("/", headers=headers)
        assert response.json() == {"status": "alive"}
        assert response.headers["Vary"] == page.headers["Vary"] == "Accept"


def test_model_card_is_that_of_the_bundle(client: httpx.Client) -> None:
    page = client.get(f"{REPORT}/card").text
    title = (MODELS / NEWEST / "report/MODEL_CARD.md").read_text().splitlines()[0].removeprefix("# ")
    assert f"<h1>{title}</h1>" in page
    assert not re.search(r"do not edit|calibration_error|\dT\d", page), "written for readers"
    for name in ("loss", "accuracy", "reliability"):
        assert f'<img src="{name}.png"' in page
        response = client.get(f"{REPORT}/{name}.png")
        assert response.headers["Content-Type"] == "image/png"
        assert response.content == (MODELS / NEWEST / f"report/{name}.png").read_bytes()


@pytest.mark.parametrize("name", ["history.json", "MODEL_CARD.md", "..%2fmanifest.json", "%2e%2e", "../2/card"])
def test_no_other_file_of_the_bundle_is_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"{REPORT}/{name}").status_code == 404


def test_pages_can_be_disabled() -> None:
    with TestClient(create_app(Settings(playground=False, runtime="numpy"))) as client:
        for path in ("/playground/playground.js", f"{REPORT}/card"):
            assert client.get(path).status_code == 404
        assert client.get("/", headers=BROWSER).json() == {"status": "alive"}
        page = client.get("/docs").text
        assert " data-playground" not in page.split(">", 2)[1]  # hides the link
        for path in re.findall('="(docs/[^"]+)"', page):
            assert client.get(path).status_code == 200, path
    with TestClient(create_app(Settings(docs=False, runtime="numpy"))) as client:
        assert " data-docs" not in client.get("/", headers=BROWSER).text.split(">", 2)[1]  # hides the link
        for path in ("/docs", "/docs/assets/swagger-ui.css", "/openapi.json"):
            assert client.get(path).status_code == 404


def test_pages_work_below_a_prefix(visits: Visits, served: Server) -> None:
    """Behind a proxy that removes the prefix."""
    visit = visits(served.url)

    def proxy(route: Route) -> None:
        path = route.request.url.removeprefix(served.url)
        if path.startswith("/sentiment/"):
            route.continue_(url=served.url + path.removeprefix("/sentiment"))
        else:
            route.fulfill(status=404)

    visit.page.route("**", proxy)
    visit.open("/sentiment/")
    visit.explain("A superb and moving film")
    expect(visit.verdict).to_contain_text("positive", ignore_case=True)
    visit.page.get_by_text("Use the API").click()
    expect(visit.page.locator("#request")).to_contain_text(f"{served.url}/sentiment/predict")
    visit.page.get_by_role("link", name="Model card of version 3").click()
    expect(visit.page.get_by_role("img", name="loss")).to_be_visible()
    visit.page.get_by_role("link", name="Try the model").click()
    visit.page.get_by_role("link", name="API documentation").click()
    block = visit.page.locator("#operations-predictions-predict")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    expect(block.locator(".live-responses-table .response .response-col_status").first).to_have_text("200")
    visit.page.get_by_role("link", name="Try it with your own review").click()
    expect(visit.text).not_to_be_empty()
