"""What goes wrong is shown with what to do about it, and retried where that can help."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import Visit, Visits
from tests.browser.conftest import KEY
from tests.models import NEWEST
from tests.servers import Server, wait_until

pytestmark = pytest.mark.slow

GOOD = "I loved this wonderful film: superb acting and a moving story."


def test_busy_service_is_retried(visits: Visits, served: Server) -> None:
    visit = visits(served.url)
    visit.respond("**/model", times=1)
    visit.open()
    expect(visit.page.locator("#facts-status")).to_contain_text("The service is busy or not ready. There is trouble.")
    expect(visit.facts).to_contain_text(f"version {NEWEST}")
    visit.respond("**/explain", times=1)
    visit.write(GOOD)
    expect(visit.problem).to_have_text("The service is busy or not ready. There is trouble. Trying again in 1 second …")
    expect(visit.page.locator("#explained")).to_be_visible()


def test_prediction_is_shown_when_explanations_are_refused(visit: Visit) -> None:
    """A busy service may still have time for one review."""
    visit.respond("**/explain*", 1)
    visit.sentences.first.click()
    expect(visit.page.locator("#effects")).to_contain_text("cannot be explained now: The service is busy or not ready.")
    expect(visit.page.locator(".effects li")).to_have_count(0)
    visit.sentences.nth(1).click()
    expect(visit.page.locator("#effects")).to_contain_text("dull")
    expect(visit.page.get_by_text("cannot be explained now")).to_have_count(0)
    visit.respond("**/explain")
    visit.write(GOOD)
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.page.locator("#missing")).to_contain_text("cannot be explained now: The service is busy")
    expect(visit.page.locator("#explained")).to_be_hidden()


def test_unreachable_service_is_retried_once_online(visit: Visit) -> None:
    visit.page.context.set_offline(True)
    visit.write(GOOD)
    expect(visit.problem).to_contain_text("The service cannot be reached.")
    expect(visit.page.locator("#again")).to_be_visible()
    visit.drop("r.txt", f"{GOOD}\n" * 100)
    expect(visit.status).to_contain_text("Trying again in 2 seconds …")
    visit.page.context.set_offline(False)
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.status).to_have_text("r.txt: 100 reviews.")


def test_key_is_requested_and_kept_in_the_tab(visits: Visits, guarded: Server) -> None:
    visit = visits(guarded.url)
    visit.open()
    section = visit.page.get_by_role("region", name="API key required")
    expect(section).to_contain_text("This service requires an API key.")
    visit.write(GOOD)
    expect(visit.problem).to_contain_text("The service requires an API key. Enter it at the top of this page.")
    visit.drop("r.txt", f"{GOOD}\n{GOOD}")
    expect(visit.status).to_contain_text("r.txt: 2 reviews. The service requires an API key.")
    field = visit.page.get_by_label("API key", exact=True)
    visit.enter_key("wrong’key日本")
    expect(field).to_be_focused()
    assert field.evaluate("(field) => field.validity.patternMismatch")  # does not fit into a header
    visit.enter_key("not-the-right-key")
    expect(visit.page.get_by_role("alert").filter(has_text="The service rejected this key.")).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    wait_until(lambda: field.evaluate("(field) => field.selectionStart === 0"))  # to be typed over: the page is done
    visit.enter_key(f" {KEY} ")
    expect(section).to_be_hidden()
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.status).to_have_text("r.txt: 2 reviews.")
    assert visit.verdicts() == "Positive 2"
    expect(visit.facts).to_contain_text(f"version {NEWEST}")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()
    visit.page.reload()
    visit.explain(GOOD)
    expect(section).to_be_hidden()
    assert visit.page.evaluate("[localStorage.length, document.cookie, location.search]") == [0, "", ""]
    assert KEY not in visit.page.content()


def test_key_that_is_entered_before_the_last_one_is_rejected_counts(visits: Visits, guarded: Server) -> None:
    visit = visits(guarded.url)
    visit.open()
    expect(visit.page.get_by_role("region", name="API key required")).to_be_visible()
    held = visit.hold("**/model", times=1)
    with visit.page.expect_request("**/model"):
        visit.enter_key("not-the-right-key")
    visit.enter_key(KEY)
    expect(visit.verdict).to_contain_text("ositive")
    with visit.page.expect_response("**/model"):
        held[0].fallback()
    visit.page.wait_for_timeout(100)
    expect(visit.page.get_by_role("region", name="API key required")).to_be_hidden()


def test_unexpected_response_is_reported(visit: Visit) -> None:
    """From a broken service, or from something in front of it."""
    for status, body, message in (
        (500, '{"detail": "It failed."}', "It failed. Try again. The service's log has the cause under request ID abc"),
        (500, "<h1>Oops</h1>", "The service failed. Try again."),
        (422, '{"detail": "reviews.0: odd"}', "reviews.0: odd"),
        (418, "short and stout", "Unexpected status 418 from the service or a proxy."),
        (200, "<h1>Log in</h1>", "The response was not valid"),
        (200, "{}", "The response was not valid"),
    ):
        visit.respond("**/explain", 1, status, body)
        visit.write(GOOD)
        expect(visit.problem).to_contain_text(message)
        visit.page.get_by_role("button", name="Try again").click()
        expect(visit.verdict).to_contain_text("Positive")
    for path in ("**/explain", "**/predict"):
        visit.respond(path, status=504, body="{}")
    visit.write(GOOD)
    expect(visit.problem).to_contain_text("The service took too long.")


def test_page_without_javascript_says_so(visits: Visits, served: Server) -> None:
    for enabled in (False, True):
        visit = visits(served.url, java_script_enabled=enabled)
        visit.open()
        expect(visit.page.get_by_text("This page needs JavaScript")).to_be_visible(visible=not enabled)
