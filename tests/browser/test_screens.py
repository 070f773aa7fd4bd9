"""Screenshots for people to look at, in tests/browser/output: light and dark, desktop and phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.__main__ import IMAGES, PICTURES
from tests.browser.chromium import OUTPUT, Visit
from tests.servers import ROOT, Server

REVIEW = (
    "The story is moving and the acting is superb, but the first half hour is dull and most of the jokes are not "
    "funny. A masterpiece it is not, but I enjoyed it more than I expected."
)
DESKTOP, PHONE = {"width": 1180, "height": 860}, {"width": 390, "height": 844}
LARGEST = 150_000
"""Bytes of a picture in the README."""


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens_are_kept(visits: Callable[..., Visit], served: Server, scheme: str, viewport: dict[str, int]) -> None:
    name = f"{scheme}-{'phone' if viewport is PHONE else 'desktop'}"
    visit = visits(served.url, color_scheme=scheme, viewport=viewport)
    visit.open()
    visit.ask(REVIEW)
    expect(visit.page.get_by_role("img", name="Plot: training and validation loss")).to_be_visible()
    visit.page.get_by_label("Write or paste a review").blur()
    visit.page.evaluate("Promise.allSettled(document.getAnimations().map((moving) => moving.finished))")
    visit.page.screenshot(path=OUTPUT / f"{name}.png", animations="disabled")
    visit.words.locator("mark", has_text="superb").hover()
    visit.page.screenshot(path=OUTPUT / f"{name}-numbers.png", animations="disabled")
    visit.page.get_by_role("button", name="Try it with six made-up reviews").click()
    visit.scored()
    visit.page.evaluate("scrollTo(0, 0)")
    visit.page.screenshot(path=OUTPUT / f"{name}-whole.png", full_page=True, animations="disabled")
    for part in ("", "-numbers", "-whole"):
        assert (OUTPUT / f"{name}{part}.png").stat().st_size > 10_000


@pytest.mark.parametrize("name", PICTURES.values())
def test_readme_pictures_are_small(name: str) -> None:
    assert f"(docs/images/{name})" in (ROOT / "README.md").read_text()
    assert (IMAGES / name).stat().st_size < LARGEST
