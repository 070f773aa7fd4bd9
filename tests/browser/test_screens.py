"""Screenshots for people to look at, in tests/browser/output, and the README's pictures."""

import pytest
from playwright.sync_api import expect

from tests.browser.__main__ import IMAGES, PICTURES
from tests.browser.chromium import OUTPUT, Visits
from tests.servers import ROOT, Server

REVIEW = (
    "The story is moving and the acting is superb, but the first half hour is dull and most of the jokes are not "
    "funny. A masterpiece it is not, but I enjoyed it more than I expected."
)


@pytest.mark.parametrize(("name", "width", "height"), [("light-desktop", 1180, 860), ("dark-phone", 390, 844)])
def test_screenshots_are_taken(visits: Visits, served: Server, name: str, width: int, height: int) -> None:
    scheme = name.partition("-")[0]
    visit = visits(served.url, color_scheme=scheme, viewport={"width": width, "height": height})
    visit.open()
    visit.explain(REVIEW)
    expect(visit.page.get_by_role("img", name="Plot: training and validation loss")).to_be_visible()
    visit.page.get_by_label("Write or paste a review").blur()
    visit.wait_still()
    visit.words.locator("mark", has_text="superb").hover()
    numbers = visit.page.screenshot(path=OUTPUT / f"{name}-numbers.png", animations="disabled")
    visit.page.get_by_role("button", name="Try it with six sample reviews").click()
    visit.wait_scored()
    visit.page.evaluate("scrollTo(0, 0)")
    whole = visit.page.screenshot(path=OUTPUT / f"{name}-whole.png", full_page=True, animations="disabled")
    assert len(whole) > len(numbers) > 10_000


@pytest.mark.parametrize("name", PICTURES.values())
def test_readme_pictures_are_small(name: str) -> None:
    assert f"(docs/images/{name})" in (ROOT / "README.md").read_text()
    assert (IMAGES / name).stat().st_size < 150_000
