"""The playground is accessible: axe finds nothing, the keyboard reaches everything, colour is not the only signal.

The states that axe checks are also in tests/browser/output, as screenshots for people to look at.
"""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect

from tests.browser.chromium import OUTPUT, Visit, Visits
from tests.servers import Server

GOOD = "I loved this wonderful film: superb acting and a moving story. Not a dull moment! 😀"


def check(visit: Visit, state: str) -> None:
    visit.wait_still()  # axe measures colours
    scheme = visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")
    picture = OUTPUT / f"{state}-{scheme}-{visit.page.evaluate('innerWidth')}.png"
    visit.page.screenshot(path=picture, full_page=True, animations="disabled")
    assert visit.page.evaluate("document.documentElement.scrollWidth === innerWidth"), f"{state}: scrolls sideways"
    report = Axe().run(visit.page)
    assert report.violations_count == 0, f"{state}:\n{report.generate_report()}"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(visits: Visits, guarded: Server, served: Server, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 850}}
    visit = visits(served.url, **options)
    visit.arrive()
    expect(visit.facts).to_contain_text("version")
    check(visit, "first example")
    visit.page.get_by_role("button", name="Long").click()
    expect(visit.page.get_by_role("button", name="Show all 16 sentences")).to_be_visible()
    check(visit, "long review")
    visit.page.context.set_offline(True)
    visit.write(GOOD)
    expect(visit.problem).to_contain_text("cannot be reached")
    check(visit, "unreachable")
    visit.page.context.set_offline(False)
    visit.explain("这部电影非常精彩")
    check(visit, "cannot tell")
    visit.write("")
    check(visit, "no review")
    visit.explain(f"{GOOD} A dull, awful mess. Zzyzx quux.")
    visit.sentences.first.click()
    for label in ("Show numbers", "Show all words"):
        visit.page.get_by_label(label).check()
    visit.page.get_by_text("Use the API").click()
    expect(visit.page.locator("#response")).to_contain_text("predictions")
    visit.score("r.txt", f"{GOOD}\nawful\n{'x' * 50_001}\n" * 20)
    check(visit, "chosen sentence, numbers, all words, API, results")
    visit.write("x" * 50_001)
    visit.drop("a.csv", "id,comment\n1,superb\n")
    expect(visit.page.locator("#column-form")).to_be_visible()
    check(visit, "column")
    visit.drop("r.pdf", "")
    expect(visit.verdict).to_have_text("Too long")
    expect(visit.file_problem).to_be_visible()
    check(visit, "errors")
    visit.open("/playground/report/3/card")
    check(visit, "model card")

    visit = visits(guarded.url, **options)
    visit.open()
    expect(visit.problem).to_be_visible()
    check(visit, "key required")
    visit.enter_key("not-the-right-key")
    expect(visit.page.get_by_text("The service rejected this key")).to_be_visible()
    check(visit, "rejected key")


def test_comparison_is_accessible(comparing: Visit) -> None:
    for width in (320, 1280):
        comparing.page.set_viewport_size({"width": width, "height": 800})
        assert comparing.page.evaluate("document.documentElement.scrollWidth") == width
        check(comparing, "comparison")


def test_page_never_scrolls_sideways(visit: Visit) -> None:
    visit.explain(f"{GOOD} {'w' * 400} https://example.org/{'x' * 200}")
    visit.page.get_by_text("Use the API").click()
    for label in ("Show numbers", "Show all words"):
        visit.page.get_by_label(label).check()
    visit.score(f"{'n' * 150}.txt", f"{GOOD}\n{'w' * 300}\n")
    for width in (320, 600, 768, 1024, 1920):
        visit.page.set_viewport_size({"width": width, "height": 800})
        assert visit.page.evaluate("document.documentElement.scrollWidth") == width
        inner = "[...document.querySelectorAll('main *')].filter((each) => each.scrollHeight > each.clientHeight + 4"
        inner += " && ['auto', 'scroll'].includes(getComputedStyle(each).overflowY)).map((each) => each.id)"
        assert visit.page.evaluate(inner) in ([], ["review"]), "nothing is cut in an inner scroll box"


def test_page_is_usable_with_the_keyboard_alone(visit: Visit) -> None:
    press = visit.page.keyboard.press
    press("Tab")
    expect(visit.page.get_by_role("link", name="Skip to the review")).to_be_focused()
    press("Enter")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()
    reached = []
    for _ in range(30):
        press("Tab")
        if visit.page.evaluate("document.activeElement === document.body"):
            break  # after the last one
        name, outline = visit.page.evaluate(
            """() => {
                const { id, textContent } = document.activeElement;
                const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
                return [id || textContent.trim(), outlineStyle === "none" ? 0 : parseFloat(outlineWidth)];
            }"""
        )
        assert outline >= 2, f"the focus on {name} is not visible"
        reached.append(name)
    sentence = next(name for name in reached if name.startswith("The acting was superb"))
    order = ["Mixed", sentence, "numbers", "Use the API", "file", "sample"]
    assert [name for name in reached if name in order] == order
    visit.page.get_by_role("button", name="Praise", exact=True).focus()
    press("Enter")
    expect(visit.verdict).to_have_text("Positive")


def test_verdict_is_announced_only_when_it_changes(visit: Visit) -> None:
    expect(visit.page.locator(".told")).to_have_attribute("aria-live", "polite")
    changes = visit.page.evaluate_handle(
        """() => {
            const changes = [];
            new MutationObserver((seen) => changes.push(...seen)).observe(
                document.querySelector(".told"), { childList: true, subtree: true, characterData: true });
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
    visit.explain("A superb and moving film. An awful and dull plot. Zzyzx.")
    sign = "(sentences) => sentences.map((one) => getComputedStyle(one, '::before').content[1])"
    assert visit.sentences.evaluate_all(sign) == ["+", "−", "?"]
    visit.sentences.nth(1).click()
    style = "(mark) => [getComputedStyle(mark).textDecorationLine, getComputedStyle(mark).textDecorationStyle]"
    assert visit.sentences.nth(1).locator("mark.negative").first.evaluate(style) == ["underline", "wavy"]
    assert visit.sentences.nth(2).locator("mark.unknown").evaluate(style) == ["underline", "dotted"]


def test_everything_is_visible_with_forced_colours(visits: Visits, served: Server) -> None:
    """Backgrounds are not painted then."""
    visit = visits(served.url, forced_colors="active", color_scheme="dark")
    visit.arrive()
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    style = "(element, name) => getComputedStyle(element)[name]"
    assert "gradient" in visit.page.locator(".bar").evaluate(style, "backgroundImage")
    for sentence in visit.sentences.all():
        assert sentence.evaluate(style, "color") != background
        assert sentence.evaluate(style, "borderInlineStartStyle") == "solid"
    visit.sentences.first.click()
    for word in visit.text.locator("mark").all():
        assert word.evaluate(style, "color") != background
        assert re.search(r"^rgba\(.*, 0\)$", word.evaluate(style, "backgroundColor"))
