"""One review in the playground: predictions while typing, coloured words, their numbers, examples."""

import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Request, Route, expect

from app.api.serialization import explanation_json
from app.inference.bundle import load_bundle
from app.inference.classifier import open_classifier
from app.terminal.explanations import explain as explain_in_terminal
from app.terminal.pulls import pulls_of
from tests.browser.chromium import Run, Visit, Visits
from tests.bundles import MODELS, NEWEST, VERSIONS
from tests.servers import Server

GOOD = "I loved this wonderful film: superb acting and a moving story."
BAD = "A dull waste of time, boring from start to finish, with awful jokes."
MIXED = "It is not good 😀, but the superb acting is good! Zzyzx"
CERTAIN = (
    "Superb, wonderful, excellent, perfect: a brilliant masterpiece, one of the best films. Great, amazing, must see, "
    "a gem, highly recommended, touching, beautiful, outstanding, flawless, incredible, refreshing, hilarious, 10/10, "
    "well worth it, thoroughly enjoyed, magnificent, captivating, unforgettable, haunting, delightful, terrific."
)


def explain(server: Server, review: str) -> dict[str, Any]:
    response = httpx.post(f"{server.url}/explain", json={"reviews": [review]})
    explanation: dict[str, Any] = response.raise_for_status().json()["explanations"][0]
    return explanation


def test_review_is_scored_while_it_is_typed(visit: Visit, served: Server) -> None:
    expect(visit.verdict).to_have_text("No review yet")
    expect(visit.page.locator("#answer")).to_be_hidden()
    visit.page.get_by_label("Write or paste a review").press_sequentially("I loved this wonderful superb film")
    expect(visit.verdict).to_have_text(re.compile(r"^Positive \((9\d(\.\d)?|over 99\.9)%\)$"))
    expect(visit.reason).to_contain_text("The model knows ")
    visit.write(BAD)
    expect(visit.verdict).to_contain_text("Negative (")
    meter = visit.page.get_by_role("meter", name="Probability of being positive")
    expect(meter).to_have_attribute("aria-valuenow", f"{explain(served, BAD)['positive_probability'] * 100:.1f}")
    visit.write(" \n ")
    expect(visit.verdict).to_have_text("No review yet")
    assert visit.words.inner_text() == ""


@pytest.mark.parametrize(
    ("probability", "uncertain", "label", "brief"),
    [
        (0.9999, False, "Positive (over 99.9%)", "Positive"),
        (0.0008, False, "Negative (over 99.9%)", "Negative"),
        (0.9549, False, "Positive (95%)", "Positive"),
        (0.34, False, "Negative (66%)", "Negative"),
        (0.62, True, "Uncertain, leaning positive (62%)", "Uncertain, leaning positive"),
        (0.02, True, "Uncertain, leaning negative (98%)", "Uncertain, leaning negative"),
    ],
)
def test_verdict_is_in_plain_language(run: Run, probability: float, uncertain: bool, label: str, brief: str) -> None:
    sentiment = "positive" if probability >= 0.5 else "negative"
    prediction = {"positive_probability": probability, "sentiment": sentiment, "uncertain": uncertain}
    verdict = run("verdict.js", "verdictOf", prediction)
    assert verdict["kind"] == ("uncertain" if uncertain else sentiment)
    assert (verdict["label"], verdict["brief"]) == (label, brief)


@pytest.mark.parametrize(
    ("words", "known", "minimum", "reason"),
    [
        (10, 4, 4, "Probabilities between 35% and 65% are not reliable."),
        (3, 3, 4, "For a reliable prediction, it has to know at least 4 words and 20% of them."),
        (2100, 4, 4, "For a reliable prediction, it has to know at least 4 words and 20% of them."),
        (0, 0, 4, "For a reliable prediction, it has to know at least 4 words and 20% of them."),
        (6, 1, 1, "For a reliable prediction, it has to know at least 20% of them."),
    ],
)
def test_uncertain_prediction_gives_the_reason_by_the_rule(
    run: Run, words: int, known: int, minimum: int, reason: str
) -> None:
    rule = {"above": 0.35, "below": 0.65, "min_known_words": minimum, "min_known_share": 0.2}
    knows = f"The model knows {known} of {words:,} words."
    prediction = {"uncertain": True, "words": words, "known_words": known}
    assert run("verdict.js", "reasonFor", prediction, rule) == f"{knows} {reason}"
    assert run("verdict.js", "reasonFor", prediction | {"uncertain": False}, rule) == knows


def test_page_shows_what_the_service_says_is_uncertain(visit: Visit, served: Server) -> None:
    review = "xyzzy plugh superb"
    visit.explain(review)
    assert explain(served, review)["uncertain"] is True
    expect(visit.verdict).to_have_text(re.compile(r"^Uncertain, leaning positive \(\d\d%\)$"))
    expect(visit.reason).to_have_text(
        re.compile(r"^The model knows 1 of 3 words\. For a reliable prediction, it has to know ")
    )
    expect(visit.page.locator("#bar")).to_have_attribute("data-kind", "uncertain")


def test_words_are_coloured_by_their_effect(visit: Visit) -> None:
    visit.explain(MIXED)
    marks = "(marks) => marks.map((mark) => [mark.textContent, mark.className])"
    classes = dict(visit.words.locator("mark").evaluate_all(marks))
    assert "positive strong" in classes["superb"]
    assert "negative" in classes["not"]
    assert "unknown" in classes["Zzyzx"]
    assert "unknown" in classes["😀"]


@pytest.mark.parametrize("version", VERSIONS)
def test_words_have_the_same_effects_as_in_the_terminal(run: Run, version: str) -> None:
    classifier = open_classifier(load_bundle(MODELS / version), "litert")
    for review in (
        MIXED,
        "A well-known actor in a must-see film: one of the best—no, the best/funniest.",
        "Is it worth it?! Not!!! What a waste... 7/10 , 'not bad', don’t miss \"it\" !",
        "Not<br />good <I>film</I>, <3 <a href='x' target=_blank>superb</a> <Loved it.> <br",
        "I did not dislike it, and I won't<br />regret it. They do not recommend it!",  # words only known in phrases
        "<br /><br />The acting,the plot&the jokes:awful.\u00a0Not\u2026good\r\n\tat\x85all \x93dull\x94",
        "İstanbul’s ﬁne — 👨‍👩‍👧 o'clock ' ’ superb \x1cdull",
    ):
        explanation = explain_in_terminal(classifier, review)
        response = json.loads(explanation_json(explanation))
        pieces = run("pull.js", "piecesOf", review, response)
        assert "".join(piece["text"] for piece in pieces) == review
        words = [piece for piece in pieces if piece["terms"] or piece["unknown"]]
        tokens = classifier.vocabulary.locate(review)
        assert [piece["text"] for piece in words] == [review[token.start : token.end] for token in tokens]
        assert [piece["pull"] for piece in words] == pytest.approx(pulls_of(tokens, explanation.terms), abs=1e-6)


def test_numbers_are_shown_for_the_word_under_the_pointer(visit: Visit, served: Server) -> None:
    visit.explain(MIXED)
    word = visit.words.locator("mark", has_text="superb")
    word.hover()
    (term,) = [term for term in explain(served, MIXED)["terms"] if "superb" in term["terms"]]
    points = f"{term['probability'] * 100:.1f} points"
    expect(visit.numbers).to_contain_text(f"“superb”: +{points}, ")
    expect(visit.numbers).to_contain_text("“superb acting”: ")
    expect(visit.numbers).to_contain_text("positive without it")
    expect(visit.numbers).not_to_contain_text("log-odds", use_inner_text=True)
    expect(word).to_have_attribute("aria-describedby", "numbers")
    visit.numbers.hover()  # people may move there to read it with a screen magnifier
    visit.page.wait_for_timeout(250)
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(visit.numbers).to_be_hidden()
    visit.words.locator("mark", has_text="Zzyzx").hover()
    expect(visit.numbers).to_have_text("The model does not know this word and ignores it.")
    visit.page.mouse.move(1, 1)
    expect(visit.numbers).to_be_hidden()


def test_log_odds_are_shown_on_request(visit: Visit, served: Server) -> None:
    visit.explain(MIXED)
    (term,) = [term for term in explain(served, MIXED)["terms"] if "superb" in term["terms"]]
    row = visit.page.get_by_role("row", name="superb", exact=False).first
    log_odds = f"+{term['log_odds']:.2f}"
    expect(row).not_to_contain_text(log_odds, use_inner_text=True)
    box = visit.page.get_by_label("Show log-odds")
    box.focus()
    visit.page.keyboard.press("Space")
    expect(visit.page.get_by_role("columnheader", name="Log-odds")).to_be_visible()
    expect(row).to_contain_text(log_odds, use_inner_text=True)
    visit.words.locator("mark", has_text="superb").hover()
    expect(visit.numbers).to_contain_text(f"{log_odds} log-odds", use_inner_text=True)
    expect(visit.numbers).to_contain_text("Share of this word: +", use_inner_text=True)
    visit.page.reload()
    expect(box).to_be_checked()
    visit.explain(MIXED)
    expect(visit.page.get_by_role("columnheader", name="Log-odds")).to_be_visible()


def test_tiny_effects_are_not_shown_as_zero(run: Run) -> None:
    assert [run("verdict.js", "points", value) for value in (0.1234, -0.02, 4e-4, -4e-4, 0)] == [
        "+12.3",
        "−2.0",
        "under 0.1",
        "under 0.1",
        "0.0",
    ]


def test_words_are_reached_with_the_keyboard(visit: Visit) -> None:
    visit.explain(GOOD)
    marks = visit.words.locator("mark")
    marks.first.focus()
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowRight")
    expect(marks.nth(2)).to_be_focused()
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("ArrowRight")
    expect(marks.last).to_be_focused()
    assert visit.words.locator("mark[tabindex='0']").count() == 1
    visit.page.keyboard.press("Tab")
    expect(visit.numbers).to_be_hidden()
    expect(marks.last).not_to_be_focused()


def test_terms_are_listed_by_their_effect(visit: Visit, served: Server) -> None:
    """In this review, "most" has almost no effect."""
    review = "Most of the acting is superb and the plot is good"
    visit.explain(review)
    terms = sorted(explain(served, review)["terms"], key=lambda term: -abs(term["probability"]))
    rows = visit.page.get_by_role("table", name="Strongest effects").locator("tbody tr")
    expect(rows).to_have_count(8)
    visit.page.get_by_role("button", name=f"Show all {len(terms)}").click()
    expect(rows).to_have_count(len(terms))
    expect(visit.page.get_by_role("button", name="Show only 8")).to_have_attribute("aria-expanded", "true")
    directions = {}
    for row, term in zip(rows.all(), terms, strict=True):
        name, directions[term["terms"][0]], points, _, log_odds = row.locator("th, td").all_inner_texts()
        assert name.startswith(", ".join(term["terms"]))
        assert float(log_odds.replace("−", "-")) == pytest.approx(term["log_odds"], abs=0.006)
        shown = 0.0 if points == "under 0.1" else float(points.replace("−", "-"))
        assert shown == pytest.approx(term["probability"] * 100, abs=0.06)
    assert (directions["superb"], directions["most"]) == ("positive", "none")


def test_explanation_warns_where_the_model_is_too_certain(visit: Visit) -> None:
    warning = visit.page.get_by_text(
        "The model is so certain here that the effect of a single word can hardly be measured."
    )
    visit.explain(CERTAIN)
    expect(warning).to_be_visible()
    visit.explain(MIXED)
    expect(warning).to_be_hidden()


def test_examples_are_scored_when_clicked(visit: Visit, served: Server) -> None:
    verdicts = [""]
    for button in visit.page.locator("#examples button").all():
        button.click()
        prediction = explain(served, visit.page.get_by_label("Write or paste a review").input_value())
        sentiment = prediction["sentiment"]
        verdicts.append(f"Uncertain, leaning {sentiment} (" if prediction["uncertain"] else f"{sentiment.title()} (")
        assert verdicts[-1] != verdicts[-2], "the page would pass with the verdict of the example before"
        expect(visit.verdict).to_have_text(re.compile(f"^{re.escape(verdicts[-1])}"))
    assert {verdict.split()[0] for verdict in verdicts[1:]} == {"Positive", "Negative", "Uncertain,"}
    visit.page.get_by_role("button", name="Clear").click()
    expect(visit.verdict).to_have_text("No review yet")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()


def test_requests_wait_for_a_pause_in_typing(visits: Visits, served: Server) -> None:
    """With the page's clock under control: a key every tenth of a second; a quarter is a pause."""
    visit = visits(served.url)
    visit.page.clock.install(time=0)
    visit.open()
    expect(visit.facts).to_contain_text("version")
    visit.page.clock.pause_at(3600)
    requests: list[Request] = []
    visit.page.on("request", lambda request: requests.append(request) if request.url.endswith("/explain") else None)
    visit.page.get_by_label("Write or paste a review").focus()
    for character in "A superb and moving film":
        visit.page.keyboard.press(character)
        visit.page.clock.run_for(100)
    assert not requests
    visit.page.clock.run_for(150)
    expect(visit.verdict).to_contain_text("positive", ignore_case=True)
    assert len(requests) == 1


def test_outdated_response_is_ignored(visits: Visits, served: Server) -> None:
    """The page cancels the request; should its response still arrive, it is not shown."""
    visit = visits(served.url)
    visit.page.add_init_script("AbortController.prototype.abort = () => {}")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    visit.page.route("**/explain", hold_the_first)
    visit.open()
    with visit.page.expect_request("**/explain"):
        visit.write(GOOD)
    visit.explain(BAD)
    with visit.page.expect_response("**/explain"):
        held[0].fallback()
    visit.page.wait_for_timeout(100)
    expect(visit.words).to_have_text(BAD)


def test_longest_review_is_scored_and_a_longer_one_is_not(visit: Visit) -> None:
    """The limit is in code points; JavaScript counts emoji twice."""
    review = ("dull 😀 superb, " * 4000)[:50_000]
    visit.explain(review)
    expect(visit.page.locator("#hint")).to_have_text("50,000 characters")
    visit.write(review + "😀!")
    expect(visit.verdict).to_have_text("Too long")
    expect(visit.page.locator("#hint")).to_have_text("50,002 characters, 2 over the limit of 50,000")


def test_lone_surrogate_is_replaced(visit: Visit) -> None:
    visit.page.get_by_label("Write or paste a review").evaluate(
        "(field) => { field.value = 'A superb \\ud83d film, wonderful!'; field.dispatchEvent(new Event('input')); }"
    )
    expect(visit.verdict).to_contain_text("positive", ignore_case=True)


def test_model_is_described_with_its_plots(visit: Visit) -> None:
    for fact in (f"imdb, version {NEWEST}", "of 25,000 test reviews", "50,000 characters"):
        expect(visit.facts).to_contain_text(fact)
    for name in ("loss", "accuracy"):
        plot = visit.page.get_by_role("img", name=f"Plot: training and validation {name}, epoch by epoch")
        expect(plot).to_be_visible()
        assert plot.evaluate("(image) => image.naturalWidth") > 300


def test_theme_is_chosen_and_remembered(visit: Visit) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(background)
    visit.page.get_by_label("Theme").select_option("Dark")
    dark = visit.page.evaluate(background)
    assert dark != light
    visit.page.reload()
    assert visit.page.evaluate(background) == dark
    visit.page.get_by_label("Theme").select_option("System")
    assert visit.page.evaluate(background) == light
