"""What goes wrong is told in words, with what to do, and goes away by itself where it can."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.chromium import Visit
from tests.browser.conftest import KEY
from tests.proxies import proxying
from tests.servers import Server, serving

GOOD = "I loved this wonderful film: superb acting and a moving story."


def test_overloaded_service_is_asked_again(visits: Callable[..., Visit], served: Server) -> None:
    with proxying(served.url) as proxy:
        visit = visits(proxy.url)
        visit.open()
        expect(visit.page.locator("#facts")).to_contain_text("version 2")
        proxy.refusals["/explain"] = 1
        visit.write(GOOD)
        expect(visit.problem).to_contain_text("The service is busy or not ready. The limit of 1024 waiting reviews")
        expect(visit.problem).to_contain_text("Trying again in 2 seconds …")
        expect(visit.page.locator("#explained")).to_be_visible()


def test_model_is_asked_for_again(visits: Callable[..., Visit], served: Server) -> None:
    with proxying(served.url) as proxy:
        proxy.refusals["/model"] = 1
        visit = visits(proxy.url)
        visit.open()
        expect(visit.page.locator("#facts-status")).to_contain_text("The limit of 1024 waiting reviews was reached.")
        expect(visit.page.locator("#facts")).to_contain_text("version 2")


def test_service_that_is_gone_is_told_and_comes_back(visits: Callable[..., Visit], free_port: int) -> None:
    with serving(runtime="litert", port=free_port) as server:
        visit = visits(server.url)
        visit.open()
        visit.ask(GOOD)
    visit.write(f"{GOOD} Really!")
    expect(visit.problem).to_contain_text("The service cannot be reached.")
    expect(visit.problem).to_contain_text("what you wrote stays here")
    expect(visit.page.locator("#again")).to_be_visible()
    visit.drop("r.txt", f"{GOOD}\n" * 100)
    expect(visit.page.locator("#batch-status")).to_contain_text("Trying again in 2 seconds …")
    with serving(runtime="litert", port=free_port) as server:
        visit.page.locator("#again").click()
        expect(visit.verdict).to_contain_text("Positive")
        visit.scored()
        again = visit.page.get_by_role("button", name="Score the missing ones")
        if again.is_visible():  # the page gives up after ten seconds, in which a busy machine may start no service
            again.click()
        expect(visit.page.locator("#batch-status")).to_contain_text("100 positive")


def test_key_is_asked_for_and_kept_in_the_tab(visits: Callable[..., Visit], guarded: Server) -> None:
    visit = visits(guarded.url)
    visit.open()
    section = visit.page.get_by_role("region", name="A key is needed")
    expect(section).to_contain_text("This service answers only who has a key")
    visit.write(GOOD)
    expect(visit.problem).to_contain_text("The service wants a key. Enter one at the top of this page.")
    section.get_by_label("Key", exact=True).fill("not-the-key-that-it-is")
    section.get_by_role("button", name="Use it").click()
    expect(section).to_contain_text("The service does not know this key.")
    section.get_by_label("Key", exact=True).fill(f" {KEY} ")
    visit.page.keyboard.press("Enter")
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.page.locator("#facts")).to_contain_text("version 2")
    expect(section).to_be_hidden()
    visit.drop("r.txt", GOOD)
    visit.scored()
    visit.page.reload()
    visit.ask(GOOD)
    expect(section).to_be_hidden()
    assert visit.page.evaluate("[localStorage.length, document.cookie, location.search]") == [0, "", ""]
    assert KEY not in visit.page.content()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("wrong’key日本", "it holds “’” (U+2019)"),
        (f"{KEY}\u200b", "(U+200B)"),
        (f"{KEY}é", "it holds “é” (U+00E9)"),
        (f"{KEY}🎬", "it holds “🎬” (U+1F3AC)"),
        (f"{KEY[:5]}\x01", "(U+0001)"),
    ],
)
def test_key_that_cannot_be_sent_is_refused(
    visits: Callable[..., Visit], guarded: Server, wrong: str, told: str
) -> None:
    visit = visits(guarded.url)
    visit.open()
    visit.write(GOOD)
    section = visit.page.get_by_role("region", name="A key is needed")
    field = section.get_by_label("Key", exact=True)
    field.fill(wrong)
    visit.page.keyboard.press("Enter")
    expect(section.get_by_role("alert")).to_contain_text("This cannot be the key: ")
    expect(section.get_by_role("alert")).to_contain_text(told)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    assert visit.page.evaluate("sessionStorage.length") == 0
    expect(visit.problem).to_contain_text("The service wants a key.")
    visit.page.keyboard.type(KEY)  # what was wrong is selected
    expect(section.get_by_role("alert")).to_be_hidden()
    expect(field).to_have_attribute("aria-invalid", "false")
    visit.page.keyboard.press("Enter")
    expect(visit.verdict).to_contain_text("Positive")


def test_stored_key_that_cannot_be_sent_is_dropped(visits: Callable[..., Visit], guarded: Server) -> None:
    """An older page may have left it in the tab."""
    visit = visits(guarded.url)
    visit.page.add_init_script("sessionStorage.setItem('key', 'wrong’key日本')")
    visit.open()
    section = visit.page.get_by_role("region", name="A key is needed")
    expect(section).to_contain_text("the page has none yet")
    section.get_by_label("Key", exact=True).fill(KEY)
    visit.page.keyboard.press("Enter")
    visit.ask(GOOD)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_key_form_has_room(visits: Callable[..., Visit], guarded: Server, width: int) -> None:
    visit = visits(guarded.url, viewport={"width": width, "height": 800})
    visit.open()
    visit.page.get_by_label("Key", exact=True).fill("é")
    visit.page.keyboard.press("Enter")
    above, form, wrong, below = (
        visit.page.locator(f"#key-{name}").evaluate("(element) => element.getBoundingClientRect().toJSON()")
        for name in ("reason", "form", "wrong", "kept")
    )
    assert form["top"] - above["bottom"] >= 8
    assert wrong["top"] - form["bottom"] >= 4
    assert below["top"] - wrong["bottom"] >= 4


def test_model_has_no_captions_before_its_figures(visits: Callable[..., Visit], guarded: Server) -> None:
    visit = visits(guarded.url)
    visit.open()
    expect(visit.page.locator("#facts-status")).to_contain_text("The service wants a key.")
    expect(visit.page.get_by_text("Loss during training")).to_be_hidden()
    expect(visit.page.get_by_text("Accuracy during training")).to_be_hidden()
    visit.page.get_by_label("Key", exact=True).fill(KEY)
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_text("Loss during training")).to_be_visible()
    expect(visit.page.get_by_role("img", name="Plot: training and validation accuracy")).to_be_visible()


def test_file_waits_for_the_key(visits: Callable[..., Visit], guarded: Server) -> None:
    visit = visits(guarded.url)
    visit.open()
    visit.drop("r.txt", f"{GOOD}\n{GOOD}")
    expect(visit.page.locator("#batch-status")).to_contain_text("2 not scored. The service wants a key.")
    visit.page.get_by_label("Key", exact=True).fill(KEY)
    visit.page.get_by_role("button", name="Use it").click()
    expect(visit.page.locator("#batch-status")).to_contain_text("2 positive")


def test_answer_that_takes_too_long_is_told(visits: Callable[..., Visit]) -> None:
    with serving(runtime="litert", deadline=1e-9) as server:
        visit = visits(server.url)
        visit.open()
        visit.write(GOOD)
        expect(visit.problem).to_contain_text("It took the service too long.")
        expect(visit.page.locator("#again")).to_be_visible()


def test_body_that_is_too_large_is_told(visits: Callable[..., Visit], tight: Server) -> None:
    visit = visits(tight.url)
    visit.open()
    visit.write("superb 😀" + "😀" * 180)
    expect(visit.problem).to_contain_text("The body may have at most 600 bytes; this one has ")
    visit.write("superb")
    expect(visit.page.locator("#problem")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "media_type", "body", "told"),
    [
        (
            500,
            "application/problem+json",
            '{"detail": "The service failed."}',
            "The service failed. Whoever runs it finds",
        ),
        (500, "text/html", "<h1>Oops</h1>", "The service failed. Whoever runs it finds the cause under abc."),
        (415, "application/problem+json", '{"detail": "Send JSON."}', "Send JSON."),
        (422, "application/problem+json", '{"detail": "reviews.0: odd"}', "reviews.0: odd"),
        (404, "application/json", "[]", "There is nothing at this address."),
        (418, "text/plain", "short and stout", "The answer was 418, from the service or something before it."),
        (200, "text/html", "<h1>Log in</h1>", "The answer cannot be read"),
        (200, "application/json", '{"explan', "The answer cannot be read"),
        (200, "application/json", "{}", "The answer cannot be read"),
        (200, "application/json", "null", "The answer cannot be read"),
        (500, "application/problem+json", "null", "The service failed."),
        (500, "application/problem+json", '{"detail": {"a": 1}}', "The service failed."),
    ],
)
def test_odd_answer_is_told(visit: Visit, status: int, media_type: str, body: str, told: str) -> None:
    """Those that this service gives only when it is broken, and those of something in between."""
    headers = {"Content-Type": media_type, "X-Request-ID": "abc"}
    visit.page.route("**/explain", lambda route: route.fulfill(status=status, headers=headers, body=body))
    visit.write(GOOD)
    expect(visit.problem).to_contain_text(told)
    visit.page.unroute("**/explain")
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.verdict).to_contain_text("Positive")


def test_verdict_is_given_when_words_cannot_be_weighed(visit: Visit) -> None:
    """A busy service may still have time for one review."""

    def refuse(route: Route) -> None:
        headers = {"Content-Type": "application/problem+json", "Retry-After": "1"}
        route.fulfill(status=503, headers=headers, json={"detail": "1024 reviews are waiting."})

    visit.page.route("**/explain", refuse)
    visit.write(GOOD)
    expect(visit.problem).to_have_text(
        "The service is busy or not ready. 1024 reviews are waiting. Trying again in 1 second …"
    )
    expect(visit.verdict).to_contain_text("Positive")
    expect(visit.reason).to_contain_text("Its words could not be weighed: ")
    expect(visit.page.locator("#explained")).to_be_hidden()


def test_page_without_scripts_says_so(visits: Callable[..., Visit], served: Server) -> None:
    visit = visits(served.url, java_script_enabled=False)
    visit.open()
    expect(visit.page.get_by_text("This page needs JavaScript, which is ")).to_be_visible()


def test_page_with_scripts_says_nothing_of_them(visit: Visit) -> None:
    expect(visit.page.get_by_text("This page needs JavaScript")).to_have_count(0)


def test_bundle_without_plots_says_so(visits: Callable[..., Visit], models: Path) -> None:
    """The model is described all the same."""
    with serving(runtime="litert", model_dir=models) as server:
        visit = visits(server.url)
        visit.page.route("**/playground/plots/*", lambda route: route.continue_(url=route.request.url + ".none"))
        visit.open()
        expect(visit.page.locator(".plots")).to_contain_text("This bundle has no plot of its loss.")
        expect(visit.page.locator(".plots")).to_contain_text("This bundle has no plot of its accuracy.")
        expect(visit.page.locator("#facts")).to_contain_text("tiny, version 1")
        tested = httpx.get(f"{server.url}/model").json()["dataset"]["test_reviews"]
        expect(visit.page.locator("#facts")).to_contain_text(f" % of {tested} test reviews")
        again = """async () => {
            const { Facts } = await import("./playground/facts.js");
            const { Service } = await import("./playground/service.js");
            await new Facts(new Service(document.baseURI)).load(); // as after a new key
        }"""
        visit.page.evaluate(again)
        expect(visit.page.locator("#facts-status")).to_be_empty()
        expect(visit.page.locator(".plots")).to_contain_text("This bundle has no plot of its loss.")
        visit.page.unroute("**/playground/plots/*")
        visit.page.evaluate(again)
        expect(visit.page.locator("#plot-loss")).to_be_visible()
        captions = ["Loss during training", "Accuracy during training"]
        expect(visit.page.locator(".plots figcaption")).to_have_text(captions)
