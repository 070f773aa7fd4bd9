"""The playground is accessible: axe finds nothing, the keyboard reaches everything, colour is not the only signal."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import expect

from tests.browser.chromium import Visit, Visits
from tests.servers import Server

pytestmark = pytest.mark.slow

GOOD = "I loved this wonderful film: superb acting and a moving story. Not a dull moment! 😀"
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
BOXES = """[...document.querySelectorAll('main *')].filter((each) => each.scrollHeight > each.clientHeight + 4
    && ['auto', 'scroll'].includes(getComputedStyle(each).overflowY)).map((each) => each.id)"""
"""What cuts its content and scrolls by itself."""


def check(visit: Visit, state: str) -> None:
    visit.wait_still()  # axe measures colours
    assert not visit.page.evaluate(SIDEWAYS), f"{state}: scrolls sideways"
    report = Axe().run(visit.page)
    assert report.violations_count == 0, f"{state}:\n{report.generate_report()}"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(
    visits: Visits, guarded: Server, served: Server, versions: Server, scheme: str, width: int
) -> None:
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
    visit.explain(f"{GOOD} A dull, awful mess. Zzyzx quux {'w' * 400} https://example.org/{'x' * 200}")
    visit.sentences.first.click()
    for label in ("Show numbers", "Show all words"):
        visit.page.get_by_label(label).check()
    visit.page.get_by_text("Use the API").click()
    expect(visit.page.locator("#response")).to_contain_text("predictions")
    visit.score(f"{'n' * 150}.txt", f"{GOOD}\nawful\n{'w' * 300}\n{'x' * 50_001}\n")
    check(visit, "chosen sentence, numbers, all words, API, results")
    for other in (320, 768, 1920):
        visit.page.set_viewport_size({"width": other, "height": 850})
        assert not visit.page.evaluate(SIDEWAYS), f"{other} pixels"
        assert set(visit.page.evaluate(BOXES)) <= {"review"}, f"{other} pixels"
    visit.page.set_viewport_size({"width": width, "height": 850})
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
    visit.enter_key("not-the-right-key")
    expect(visit.page.get_by_text("The service rejected this key")).to_be_visible()
    check(visit, "rejected key")

    visit = visits(versions.url, **options)
    visit.arrive()
    check(visit, "comparison")
    visit.page.set_viewport_size({"width": 320, "height": 850})
    assert not visit.page.evaluate(SIDEWAYS), "comparison: scrolls sideways"


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


def test_colour_is_not_the_only_signal(visits: Visits, served: Server) -> None:
    """Nor the background, which is not painted with forced colours."""
    visit = visits(served.url, forced_colors="active", color_scheme="dark")
    visit.arrive()
    visit.explain("A superb and moving film. An awful and dull plot. Zzyzx.")
    style = "(element, name) => getComputedStyle(element)[name]"
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert "gradient" in visit.page.locator(".bar").evaluate(style, "backgroundImage")
    signs = "(sentences) => sentences.map((one) => getComputedStyle(one, '::before').content[1])"
    assert visit.sentences.evaluate_all(signs) == ["+", "−", "?"]
    for sentence in visit.sentences.all():
        assert sentence.evaluate(style, "color") != background
        assert sentence.evaluate(style, "borderInlineStartStyle") == "solid"
    negative = visit.sentences.nth(1)
    negative.click()
    assert negative.locator("mark.negative").first.evaluate(style, "textDecorationStyle") == "wavy"
    assert visit.sentences.nth(2).locator("mark.unknown").evaluate(style, "textDecorationStyle") == "dotted"
    for word in visit.text.locator("mark").all():
        assert word.evaluate(style, "color") != background
        assert re.search(r"^rgba\(.*, 0\)$", word.evaluate(style, "backgroundColor"))
