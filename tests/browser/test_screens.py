"""Screenshots for people to look at, in tests/browser/output, and the README's pictures."""

from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.__main__ import PICTURES
from tests.browser.chromium import OUTPUT, Visit, Visits
from tests.servers import ROOT, Server


def example(name: str) -> Callable[[Visit], None]:
    return lambda visit: visit.page.get_by_role("button", name=name).click()


def stop(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.write("A superb film")


def score(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Try it with six sample reviews").click()
    visit.wait_scored()


STATES: dict[str, Callable[[Visit], None]] = {
    "mixed": lambda visit: visit.sentences.nth(1).click(),
    "long": example("Long review"),
    "negation": example("Negation"),
    "french": example("French"),
    "short": lambda visit: visit.explain("Superb!"),
    "chinese": lambda visit: visit.explain("这部电影非常精彩"),
    "empty": lambda visit: visit.write(""),
    "numbers": lambda visit: visit.page.get_by_label("Show numbers").check(),
    "api": lambda visit: visit.page.get_by_text("Use the API").click(),
    "stopped": stop,
    "file": score,
    "column": lambda visit: visit.drop("a.csv", "id,comment\n1,superb\n"),
    "bad-file": lambda visit: visit.drop("a.pdf", ""),
}


@pytest.mark.parametrize(("name", "width", "height"), [("light-desktop", 1280, 900), ("dark-phone", 390, 844)])
def test_screenshots_are_taken(
    visits: Visits, served: Server, versions: Server, guarded: Server, name: str, width: int, height: int
) -> None:
    def take(state: str, server: Server, reach: Callable[[Visit], None]) -> None:
        visit = visits(server.url, color_scheme=name.partition("-")[0], viewport={"width": width, "height": height})
        visit.open()
        expect(visit.verdict).not_to_be_empty()
        reach(visit)
        visit.page.wait_for_timeout(400)
        whole = visit.page.screenshot(path=OUTPUT / f"{name}-{state}.png", full_page=True, animations="disabled")
        assert len(whole) > 10_000

    for state, reach in STATES.items():
        take(state, served, reach)
    take("versions", versions, STATES["negation"])
    take("key", guarded, lambda visit: visit.enter_key("not-the-right-key"))


def test_readme_pictures_are_small_and_the_same_in_light_and_dark() -> None:
    sizes = set()
    for picture in PICTURES.values():
        assert f"docs/images/{picture.name}" in (ROOT / "README.md").read_text()
        assert picture.stat().st_size < 150_000
        with Image.open(picture) as image:
            sizes.add(image.size)
    ((_, height),) = sizes
    assert height <= 430
