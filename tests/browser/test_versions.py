"""Several versions on the page: their verdicts side by side, and the one that explains and scores."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Visit

pytestmark = pytest.mark.slow

NEGATED = "I was not disappointed."


def test_versions_are_side_by_side_and_one_explains(comparing: Visit) -> None:
    comparing.page.set_viewport_size({"width": 390, "height": 844})
    comparing.explain(NEGATED)
    blocks = comparing.page.locator(".version")
    verdicts = blocks.locator(".verdict")
    expect(verdicts).to_have_text(["Positive", "Probably negative"])
    for share, verdict in zip(blocks.locator(".share").all_inner_texts(), ("Positive", "negative"), strict=True):
        assert (float(share.split("%")[0]) > 50) == (verdict == "Positive"), "the number is that of positive everywhere"
    left, right = (block.bounding_box() for block in blocks.all())
    assert left is not None
    assert right is not None
    assert (left["y"], left["x"] + left["width"] <= right["x"]) == (right["y"], True)
    phrase = comparing.page.get_by_role("list", name="For").get_by_text("was not disappointed", exact=True)
    against = comparing.page.get_by_role("list", name="Against: makes it more negative")
    expect(phrase).to_be_visible()
    comparing.page.get_by_role("radio", name="Version 1").check()
    expect(against.get_by_text("disappointed", exact=True)).to_be_visible()
    expect(phrase).to_be_hidden()
    expect(verdicts).to_have_text(["Positive", "Probably negative"])
    comparing.write("")
    expect(verdicts).to_have_text(["No review yet", "No review yet"])


def test_file_is_scored_with_the_chosen_version(comparing: Visit) -> None:
    comparing.page.get_by_role("radio", name="Version 1").check()
    with comparing.page.expect_request("**/predict?version=1"):
        comparing.score("r.txt", NEGATED)
    expect(comparing.status).to_have_text("r.txt: 1 review, scored by version 1.")


def test_version_that_is_replaced_meanwhile_says_so(comparing: Visit) -> None:
    comparing.respond("**/predict?version=1", status=404, body='{"detail": "There is no version 1."}')
    comparing.write("A superb, moving film.")
    expect(comparing.page.locator(".version").nth(1)).to_contain_text(
        "There is no version 1. This page may be out of date."
    )
    expect(comparing.verdict).to_have_text("Positive")


def test_verdict_without_explanation_follows_the_rule_of_its_version(comparing: Visit) -> None:
    above = comparing.page.locator(".above").nth(1)
    comparing.page.get_by_role("radio", name="Version 1").check()
    comparing.explain("A superb, moving film.")
    threshold = above.inner_text()
    comparing.write("superb " * 2200)
    expect(comparing.page.locator("#missing")).to_contain_text("up to 15,000 characters")
    expect(above).to_have_text(threshold)
