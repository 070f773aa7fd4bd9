"""The playground is accessible: axe finds nothing, the keyboard reaches everything, colour is not the only signal."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect

from tests.browser.chromium import Visit, Visits
from tests.servers import Server

GOOD = "I loved this wonderful film: superb acting and a moving story. Not a dull moment! 😀"


def check(visit: Visit, state: str) -> None:
    visit.wait_still()  # axe measures colours
    report = Axe().run(visit.page)
    assert report.violations_count == 0, f"{state}:\n{report.generate_report()}"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(visits: Visits, guarded: Server, served: Server, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 850}}
    visit = visits(served.url, **options)
    visit.open()
    expect(visit.facts).to_contain_text("version")
    check(visit, "no review")
    visit.explain("A dull, awful waste of time. The plot is a mess.")
    check(visit, "negative")
    visit.explain(GOOD)
    visit.page.get_by_role("button", name="Show all").click()
    visit.page.get_by_label("Show log-odds").check()
    visit.page.get_by_text("Show commands").click()
    visit.words.locator("mark").nth(2).click()
    expect(visit.numbers).to_be_visible()
    visit.score("r.txt", f"{GOOD}\nawful\n{'x' * 50_001}\n" * 20)
    check(visit, "numbers, all terms, commands, results")
    visit.write("x" * 50_001)
    visit.drop("r.pdf", "")
    expect(visit.verdict).to_have_text("Too long")
    expect(visit.file_problem).to_be_visible()
    check(visit, "errors")

    visit = visits(guarded.url, **options)
    visit.open()
    visit.write(GOOD)
    expect(visit.problem).to_be_visible()
    check(visit, "key required")
    visit.enter_key("é")
    check(visit, "invalid key")


def test_comparison_is_accessible(comparing: Visit) -> None:
    comparing.explain(GOOD)
    expect(comparing.page.get_by_role("article", name="Version 1").locator("mark").first).to_be_visible()
    expect(comparing.page.locator("#differences tbody tr")).to_have_count(6)
    for width in (320, 1280):
        comparing.page.set_viewport_size({"width": width, "height": 800})
        assert comparing.page.evaluate("document.documentElement.scrollWidth") == width
        check(comparing, f"comparison at {width} pixels")


def test_page_never_scrolls_sideways(visit: Visit) -> None:
    visit.explain(f"{GOOD} {'w' * 400} https://example.org/{'x' * 200}")
    visit.page.get_by_text("Show commands").click()
    visit.page.get_by_label("Show log-odds").check()
    visit.score(f"{'n' * 150}.txt", f"{GOOD}\n{'w' * 300}\n")
    for width in (320, 600, 768, 1024, 1920):
        visit.page.set_viewport_size({"width": width, "height": 800})
        visit.words.locator("mark").last.hover()
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        assert visit.words.evaluate("(words) => words.scrollWidth - words.clientWidth") == 0


def test_page_is_usable_with_the_keyboard_alone(visit: Visit) -> None:
    press = visit.page.keyboard.press
    press("Tab")
    expect(visit.page.get_by_role("link", name="Skip to the review")).to_be_focused()
    press("Enter")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()
    reached = []
    for _ in range(9):
        press("Tab")
        name, outline = visit.page.evaluate(
            """() => {
                const { id, textContent } = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                return [id || textContent.trim(), outlineStyle === "none" ? 0 : parseFloat(outlineWidth)];
            }"""
        )
        assert outline >= 2, f"the focus on {name} is not visible"
        reached.append(name)
    assert {"Delighted", "file", "sample"} <= set(reached)
    visit.page.get_by_role("button", name="Delighted").focus()
    press("Enter")
    expect(visit.verdict).to_contain_text("Positive")


def test_verdict_is_announced_only_when_it_changes(visit: Visit) -> None:
    expect(visit.page.locator("#verdict")).to_have_attribute("aria-live", "polite")
    changes = visit.page.evaluate_handle(
        """() => {
            const changes = [];
            new MutationObserver((seen) => changes.push(...seen)).observe(
                document.getElementById("verdict"), { childList: true, subtree: true, characterData: true });
            return changes;
        }"""
    )
    visit.explain(GOOD)
    count = changes.evaluate("(changes) => changes.length")
    assert count > 0
    with visit.page.expect_response("**/explain"):
        visit.page.locator("#again").dispatch_event("click")
    visit.page.wait_for_timeout(200)
    assert changes.evaluate("(changes) => changes.length") == count


def test_colour_is_not_the_only_signal(visit: Visit) -> None:
    visit.explain("A superb and moving film, but an awful and dull plot zzyzx")
    style = "(mark) => [getComputedStyle(mark).textDecorationLine, getComputedStyle(mark).textDecorationStyle]"
    for kind, line in {"positive.strong": "solid", "negative.strong": "wavy", "unknown": "dotted"}.items():
        assert visit.words.locator(f"mark.{kind}").first.evaluate(style) == ["underline", line]


def test_everything_is_visible_with_forced_colours(visits: Visits, served: Server) -> None:
    """Backgrounds are not painted then."""
    visit = visits(served.url, forced_colors="active", color_scheme="dark")
    visit.open()
    visit.explain("A superb and moving film, but an awful plot zzyzx")
    bar = visit.page.locator("#bar")
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    style = "(element, name) => getComputedStyle(element)[name]"
    assert bar.evaluate(style, "borderTopStyle") == "solid"
    painted = {bar.locator(part).evaluate(style, "backgroundColor") for part in (".fill", ".needle")}
    assert len(painted | {background}) == 3
    for word in visit.words.locator("mark").all():
        assert word.evaluate(style, "color") != background
        assert re.search(r"^rgba\(.*, 0\)$", word.evaluate(style, "backgroundColor"))


@pytest.mark.parametrize(("preference", "duration"), [("reduce", "0s"), ("no-preference", "0.2s")])
def test_motion_follows_the_preference(visits: Visits, served: Server, preference: str, duration: str) -> None:
    visit = visits(served.url, reduced_motion=preference)
    visit.open()
    needle = "getComputedStyle(document.querySelector('.needle')).transitionDuration"
    assert visit.page.evaluate(needle) == duration
