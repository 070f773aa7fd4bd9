"""GET /docs in a browser that reaches nothing but the service."""

from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from tests.browser.chromium import OUTPUT, Visit
from tests.servers import Server


def test_every_example_succeeds_when_tried(visits: Callable[..., Visit], served: Server) -> None:
    """As it stands in the form, without a change."""
    document = httpx.get(f"{served.url}/openapi.json").json()
    expected = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert len(expected) > 15
    visit = visits(served.url)
    visit.open("/docs")
    blocks = visit.page.locator(".opblock")
    expect(blocks).to_have_count(len(expected))
    tried = set()
    for block in blocks.all():
        block.locator(".opblock-summary-control").click()
        for button in ("Try it out", "Execute"):
            block.get_by_role("button", name=button).evaluate("(button) => button.click()")  # need not be in sight
        status = block.locator(".live-responses-table .response .response-col_status").first
        expect(status).to_have_text("200")
        tried.add(str(block.get_attribute("id")).rsplit("-", 1)[1])
        block.locator(".opblock-summary-control").evaluate("(summary) => summary.click()")
    assert tried == expected
    visit.page.screenshot(path=OUTPUT / "docs.png")


def test_playground_leads_to_the_documentation(visit: Visit) -> None:
    visit.page.get_by_role("link", name="API documentation").click()
    expect(visit.page.get_by_text("How likely is a movie review to be positive?").first).to_be_visible()
    assert visit.page.url == f"{visit.url}/docs"
