"""GET /docs in a browser that can only reach the service."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Visits
from tests.servers import Server

pytestmark = pytest.mark.slow


def test_every_example_succeeds_when_tried(visits: Visits, served: Server) -> None:
    """As it is, without changes to the form."""
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    visit = visits(served.url)
    visit.open("/docs")
    tags = {tag for operation in operations for tag in operation["tags"]}
    assert set(visit.page.locator(".opblock-tag").evaluate_all("(all) => all.map((one) => one.dataset.tag)")) == tags
    blocks = visit.page.locator(".opblock")
    expect(blocks).to_have_count(len(operations))
    for block in blocks.all():
        block.locator(".opblock-summary-control").click()
        for button in ("Try it out", "Execute"):
            block.get_by_role("button", name=button).evaluate("(button) => button.click()")  # it may be out of view
        expect(block.locator(".live-responses-table .response .response-col_status").first).to_have_text("200")
        block.locator(".opblock-summary-control").evaluate("(summary) => summary.click()")


def test_documentation_has_a_dark_mode_and_offers_to_authorize_only_if_a_key_is_required(
    visits: Visits, served: Server, guarded: Server
) -> None:
    for server, locks in ((served, 0), (guarded, 1)):
        visit = visits(server.url, color_scheme="dark")
        visit.open("/docs")
        expect(visit.page.locator("#operations-predictions-predict")).to_be_visible()
        background = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert max(map(int, re.findall(r"\d+", background)[:3])) < 64
        assert visit.page.get_by_role("button", name="Authorize").count() == locks
        assert bool(visit.page.locator(".authorization__btn").count()) == bool(locks)
