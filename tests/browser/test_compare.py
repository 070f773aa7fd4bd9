"""Several versions on the page, side by side."""

import re

from playwright.sync_api import expect

from tests.browser.chromium import Visit


def test_versions_are_compared_word_by_word(comparing: Visit) -> None:
    comparing.write("I was not disappointed, zyzzyva!")
    three, one = (
        comparing.page.get_by_role("article", name=f"Version {name}") for name in ("3, recipe best", "1, recipe book")
    )
    expect(three).to_contain_text("Positive (9")
    expect(one).to_contain_text("Uncertain, leaning negative (")
    for version, disappointed in ((three, "positive"), (one, "negative")):
        expect(version.locator("mark", has_text="zyzzyva")).to_have_class(re.compile("unknown"))
        expect(version.locator("mark", has_text="disappointed")).to_have_class(re.compile(disappointed))
    expect(comparing.verdict).to_contain_text("Positive (9")
    one.locator("mark", has_text="disappointed").hover()
    expect(comparing.numbers).to_contain_text("“disappointed”")
    one.locator("mark", has_text="zyzzyva").hover()
    expect(comparing.numbers).to_contain_text("only notices that some word is unknown")
    comparing.write("")
    for version in (three, one):
        expect(version).to_contain_text("No review yet.")
        expect(version.locator("mark")).to_have_count(0)


def test_versions_differ_on_the_six_texts(comparing: Visit) -> None:
    rows = comparing.page.locator("#differences tbody tr")
    expect(rows).to_have_count(6)
    for row in rows.all():
        one, other = (
            int(re.findall(r"([\d.]+)%", cell)[0].split(".")[0]) for cell in row.locator("td").all_inner_texts()[1:]
        )
        assert (one < 50) != (other < 50)
    comparing.page.get_by_role("button", name="Never a dull moment.").click()
    expect(comparing.words).to_have_text("Never a dull moment.")
    expect(comparing.page.get_by_role("article", name="Version 1")).to_contain_text("leaning negative")


def test_version_that_is_replaced_meanwhile_says_so(comparing: Visit) -> None:
    comparing.respond("**/explain?version=1", status=404, body='{"detail": "There is no version 1."}')
    comparing.write("A superb, moving film.")
    expect(comparing.page.get_by_role("article", name="Version 1")).to_contain_text(
        "There is no version 1. This page may be out of date."
    )
    expect(comparing.page.get_by_role("article", name="Version 3")).to_contain_text("Positive (")


def test_one_version_is_not_compared(visit: Visit) -> None:
    visit.explain("superb")
    expect(visit.page.get_by_role("heading", name="Versions side by side")).to_be_hidden()
