"""The playground for everyone: axe finds nothing, the keyboard reaches all, nothing overflows, whatever the theme."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, expect

from tests.browser.chromium import Visit
from tests.servers import Server

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
GOOD = "I loved this wonderful film: superb acting and a moving story. Not a dull moment! 😀"


def fair(page: Page, state: str) -> None:
    """No violation; colours are compared once nothing moves."""
    page.evaluate("Promise.allSettled(document.getAnimations().map((moving) => moving.finished))")
    report = Axe().run(page)
    assert report.violations_count == 0, f"{state}:\n{report.generate_report()}"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    visits: Callable[..., Visit], guarded: Server, served: Server, scheme: str, viewport: dict[str, int]
) -> None:
    visit = visits(served.url, color_scheme=scheme, viewport=viewport)
    visit.open()
    expect(visit.page.locator("#facts")).to_contain_text("version")
    fair(visit.page, "nothing written")
    visit.ask("A dull, awful waste of time. The plot is a mess.")
    fair(visit.page, "a negative verdict")
    visit.ask(GOOD)
    visit.page.get_by_role("button", name="Show all").click()
    visit.page.get_by_text("Show them").click()
    visit.words.locator("mark").nth(2).click()
    expect(visit.numbers).to_be_visible()
    visit.drop("r.txt", f"{GOOD}\nawful\n{'x' * 50_001}\n" * 20)
    visit.scored()
    fair(visit.page, "numbers, all terms, commands, results")
    visit.write("x" * 50_001)
    visit.drop("r.pdf", "")
    expect(visit.verdict).to_have_text("Too long")
    expect(visit.page.locator("#file-problem")).to_be_visible()
    fair(visit.page, "too long, wrong file")

    visit = visits(guarded.url, color_scheme=scheme, viewport=viewport)
    visit.open()
    visit.write(GOOD)
    expect(visit.problem).to_be_visible()
    expect(visit.page.get_by_label("Key", exact=True)).to_be_visible()
    fair(visit.page, "key wanted")
    visit.page.get_by_label("Key", exact=True).fill("é")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#key-wrong")).to_be_visible()
    fair(visit.page, "key refused")


@pytest.mark.parametrize("width", [320, 390, 600, 768, 1024, 1920])
def test_page_has_no_sideways_scrolling(visits: Callable[..., Visit], served: Server, width: int) -> None:
    visit = visits(served.url, viewport={"width": width, "height": 800})
    visit.open()
    visit.ask(f"{GOOD} {'w' * 400} https://example.org/{'x' * 200}")
    visit.page.get_by_text("Show them").click()
    visit.drop(f"{'n' * 150}.txt", f"{GOOD}\n{'w' * 300}\n")
    visit.scored()
    visit.words.locator("mark").last.hover()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    assert visit.words.evaluate("(words) => words.scrollWidth - words.clientWidth") == 0


def test_page_is_used_with_the_keyboard_alone(visit: Visit) -> None:
    """From the top: skip to the review, go on to the examples and the file; what is reached shows that it is."""
    press = visit.page.keyboard.press
    press("Tab")
    expect(visit.page.get_by_role("link", name="Skip to the review")).to_be_focused()
    press("Enter")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()
    press("Tab")
    reached = []
    for _ in range(8):
        name = visit.page.evaluate(
            """() => {
                const focused = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(focused);
                const name = focused.id || focused.textContent.trim();
                return outlineStyle === "none" || parseFloat(outlineWidth) < 2 ? `invisible: ${name}` : name;
            }"""
        )
        assert not name.startswith("invisible")
        reached.append(name)
        press("Tab")
    assert "Delighted" in reached
    assert "file" in reached
    assert "sample" in reached
    visit.page.get_by_role("button", name="Delighted").focus()
    press("Enter")
    expect(visit.verdict).to_contain_text("Positive")


def test_verdict_is_announced_politely(visit: Visit) -> None:
    live = visit.page.locator("#verdict")
    expect(live).to_have_attribute("aria-live", "polite")
    changes = visit.page.evaluate_handle(
        """() => {
            const changes = [];
            new MutationObserver((seen) => changes.push(...seen)).observe(
                document.getElementById("verdict"), { childList: true, subtree: true, characterData: true });
            return changes;
        }"""
    )
    visit.ask(GOOD)
    said = changes.evaluate("(changes) => changes.length")
    assert said > 0
    visit.ask(GOOD.replace("!", "."))  # the same verdict, so nothing new is said
    assert visit.verdict.inner_text().startswith("Positive")
    reason = visit.reason.inner_text()
    before = changes.evaluate("(changes) => changes.length")
    visit.page.locator("#again").dispatch_event("click")
    visit.page.wait_for_timeout(200)
    assert visit.reason.inner_text() == reason
    assert changes.evaluate("(changes) => changes.length") == before


def test_meaning_does_not_hang_on_colour(visit: Visit) -> None:
    visit.ask("A superb and moving film, but an awful and dull plot zzyzx")
    style = "(mark) => [getComputedStyle(mark).textDecorationLine, getComputedStyle(mark).textDecorationStyle]"
    lines = {
        kind: tuple(visit.words.locator(f"mark.{kind}").first.evaluate(style))
        for kind in ("positive.strong", "negative.strong", "unknown")
    }
    assert lines == {
        "positive.strong": ("underline", "solid"),
        "negative.strong": ("underline", "wavy"),
        "unknown": ("underline", "dotted"),
    }
    pulls = visit.page.locator("#terms tbody tr")
    for row in pulls.all():
        kind, log_odds = row.locator("td").nth(0).inner_text(), row.locator("td").nth(1).inner_text()
        assert log_odds[0] == {"positive": "+", "negative": "−", "neither": "0"}[kind]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_leave_everything_to_be_seen(visits: Callable[..., Visit], served: Server, scheme: str) -> None:
    """Grounds are not painted then, and what has no edge of its own cannot be seen."""
    visit = visits(served.url, forced_colors="active", color_scheme=scheme)
    visit.open()
    visit.ask("A superb and moving film, but an awful plot zzyzx")
    bar = visit.page.locator("#bar")
    ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    style = "(element, name) => getComputedStyle(element)[name]"
    assert bar.evaluate(style, "borderTopStyle") == "solid"
    assert bar.evaluate(style, "borderTopColor") != ground
    painted = {bar.locator(part).evaluate(style, "backgroundColor") for part in (".fill", ".needle")}
    assert len(painted | {ground}) == 3
    for word in visit.words.locator("mark").all():
        assert word.evaluate(style, "color") != ground
        assert re.search(r"^rgba\(.*, 0\)$", word.evaluate(style, "backgroundColor"))
    field, clear = (
        visit.page.locator(f"#{name}").evaluate("(element) => element.getBoundingClientRect().toJSON()")
        for name in ("review", "clear")
    )
    assert clear["top"] - field["bottom"] >= 8


def test_motion_is_left_out_where_it_is_not_wanted(visits: Callable[..., Visit], served: Server) -> None:
    for preference, seconds in (("reduce", "0s"), ("no-preference", "0.2s")):
        visit = visits(served.url, reduced_motion=preference)
        visit.open()
        duration = "getComputedStyle(document.querySelector('.needle')).transitionDuration"
        assert visit.page.evaluate(duration) == seconds
