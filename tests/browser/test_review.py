"""One review in the playground: answers while it is written, verdicts, coloured words, numbers, examples."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error, Request, Route, expect

from app.api.serialization import explanations_json
from app.inference.bundle import load_bundle
from app.inference.classifier import open_classifier
from app.inference.prediction import Prediction
from app.inference.text import locate
from app.terminal.explanations import explain as explained
from app.terminal.pulls import pulls_of
from app.terminal.tables import known_words
from tests.browser.chromium import Visit
from tests.servers import ROOT, Server

GOOD = "I loved this wonderful film: superb acting and a moving story."
BAD = "A dull waste of time, boring from start to finish, with awful jokes."
EVERYDAY = "A superb film and a good cast and story"
PRAISE = (
    "Superb, wonderful, excellent, perfect: a brilliant masterpiece, one of the best films. Great, amazing, must see, "
    "a gem, highly recommended, touching, beautiful, outstanding, flawless, incredible, refreshing, hilarious, 10/10, "
    "well worth it, thoroughly enjoyed, magnificent, captivating, unforgettable, haunting, delightful, terrific."
)
MIXED = "It is not good 😀, but the superb acting is good! Zzyzx"
ALIKE = [
    MIXED,
    "A well-known actor in a must-see film: one of the best—no, the best/funniest.",
    "Is it worth it?! Not!!! What a waste... 7/10 , 'not bad', don’t miss \"it\" !",
    "<br /><br />The acting,the plot&the jokes:awful.\u00a0Not\u2026good\r\n\tat\x85all \x91dull\x92 \x93dull\x94",
    "İstanbul’s ﬁne — 👨‍👩‍👧 o'clock ' ’ \ufeffsuperb \x1cdull",
    "...",
]


def explain(server: Server, review: str) -> dict[str, Any]:
    answer = httpx.post(f"{server.url}/explain", json={"reviews": [review]})
    explanation: dict[str, Any] = answer.raise_for_status().json()["explanations"][0]
    return explanation


def test_page_before_anything_is_written_gives_a_hint(visit: Visit) -> None:
    expect(visit.verdict).to_have_text("Nothing yet")
    expect(visit.reason).to_contain_text("Write some words")
    expect(visit.page.locator("#answer")).to_be_hidden()


def test_review_is_answered_while_it_is_written(visit: Visit) -> None:
    visit.page.get_by_label("Write or paste a review").press_sequentially("I loved this wonderful superb film")
    expect(visit.verdict).to_have_text(re.compile(r"^Positive, quite sure \(9\d\s%\)$"))
    expect(visit.reason).to_contain_text("The model could read ")
    visit.write(BAD)
    expect(visit.verdict).to_contain_text("Negative, quite sure (")


def test_bar_shows_the_probability(visit: Visit, served: Server) -> None:
    for review in (GOOD, BAD):
        probability = explain(served, review)["positive_probability"]
        visit.ask(review)
        meter = visit.page.get_by_role("meter", name="Probability of being positive")
        expect(meter).to_have_attribute("aria-valuenow", f"{probability * 100:.1f}")
        meter.evaluate("(bar) => Promise.all(bar.getAnimations({subtree: true}).map((moving) => moving.finished))")
        bar, fill = meter.bounding_box(), meter.locator(".fill").bounding_box()
        assert bar is not None
        assert fill is not None
        middle = bar["x"] + bar["width"] / 2  # from where the bar grows to one side or the other
        assert (fill["x"] if review is GOOD else fill["x"] + fill["width"]) == pytest.approx(middle, abs=2)
        assert fill["width"] == pytest.approx(bar["width"] * abs(probability - 0.5), abs=2)


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        ("superb", "There is only 1 word, which is too little to tell. The probability of being positive is 7"),
        (
            "A great film",
            "There are only 3 words, which is too little to tell. The probability of being positive is 88 %.",
        ),
        (
            "A great film zzyzx",
            "The model could read only 3 of 4 words, which is too little to tell. The probability of",
        ),
        ("Zzyzx quux", "The model could read none of 2 words."),
        ("...", "There is no word in it."),
        ("a superb and moving film" + " zzyzx" * 21, "fewer than a fifth of the words: 5 of 26."),
    ],
)
def test_verdict_is_uncertain_when_few_words_are_known(visit: Visit, review: str, reason: str) -> None:
    visit.write(review)
    expect(visit.verdict).to_have_text("Uncertain")
    expect(visit.reason).to_contain_text(reason)


@pytest.mark.parametrize(
    ("probability", "words", "known", "label", "reason"),
    [
        (0.9999, 10, 10, "Positive, quite sure (over 99.9 %)", "The model could read 10 of 10 words."),
        (0.9962, 10, 10, "Positive, quite sure (99.6 %)", "The model could read"),
        (0.0008, 10, 10, "Negative, quite sure (over 99.9 %)", "The model could read"),
        (0.9501, 10, 10, "Positive, quite sure (95 %)", "The model could read"),
        (0.81, 10, 10, "Positive, fairly sure (81 %)", "The model could read"),
        (0.66, 10, 10, "Positive, not very sure (66 %)", "The model could read"),
        (0.65, 10, 10, "Uncertain", "The probability is near the middle: 65 % positive."),
        (0.35, 10, 10, "Uncertain", "The probability is near the middle: 35 % positive."),
        (0.34, 10, 10, "Negative, not very sure (66 %)", "The model could read"),
        (0.02, 20, 4, "Negative, quite sure (98 %)", "The model could read 4 of 20 words."),
        (
            0.02,
            21,
            4,
            "Uncertain",
            "The model could read fewer than a fifth of the words: 4 of 21. The probability of being positive is 2 %.",
        ),
        (
            0.9996,
            3,
            3,
            "Uncertain",
            "There are only 3 words, which is too little to tell. The probability of being positive is over 99.9 %.",
        ),
        (0.5, 3, 0, "Uncertain", "The model could read none of 3 words."),
    ],
)
def test_verdict_is_in_plain_language(
    run: Callable[..., Any], probability: float, words: int, known: int, label: str, reason: str
) -> None:
    prediction = {"positive_probability": probability, "words": words, "known_words": known}
    verdict = run("verdict.js", "verdictOf", prediction)
    assert verdict["label"].replace("\u00a0", " ") == label
    assert verdict["reason"].replace("\u00a0", " ").startswith(reason)


def test_page_and_terminal_call_the_same_reviews_hardly_read(run: Callable[..., Any]) -> None:
    for words in (*range(8), 19, 20, 21, 35, 100):
        for known in range(min(words, 22) + 1):
            brief = run("verdict.js", "verdictOf", {"positive_probability": 0.9, "words": words, "known_words": known})[
                "brief"
            ]
            yellow = known_words(Prediction(0.9, words, known)).style == "yellow"
            assert brief.startswith("Uncertain") is yellow, (words, known)


def test_percentage_has_one_form(run: Callable[..., Any]) -> None:
    """Neighbours in a table never say 1 % and 1.0 %."""
    ends = [number / 10_000 for number in (*range(0, 120, 3), *range(9880, 10_001, 3))]
    shown = [run("verdict.js", "percent", probability).replace("\u00a0", " ") for probability in ends]
    assert not [percentage for percentage in shown if ".0 %" in percentage]
    told = {0.0094: "0.9 %", 0.0096: "1 %", 0.0104: "1 %", 0.9899: "99 %", 0.9904: "99 %", 0.9911: "99.1 %"}
    for probability, percentage in told.items():
        assert run("verdict.js", "percent", probability) == percentage.replace(" ", "\u00a0")


def test_words_are_coloured_by_their_pull(visit: Visit) -> None:
    visit.ask(MIXED)
    kinds = dict(
        visit.words.locator("mark").evaluate_all("(marks) => marks.map((mark) => [mark.textContent, mark.className])")
    )
    assert "positive" in kinds["superb"]
    assert "strong" in kinds["superb"]
    assert "negative" in kinds["not"]
    assert "unknown" in kinds["Zzyzx"]
    assert "unknown" in kinds["😀"]
    superb, faint = (
        visit.words.locator("mark", has_text=word).first.evaluate("(mark) => getComputedStyle(mark).backgroundColor")
        for word in ("superb", "but")
    )
    assert superb != faint


def test_pulls_of_words_add_up_to_those_of_their_terms(run: Callable[..., Any], served: Server) -> None:
    """Also where terms overlap, occur twice, and stand behind characters that JavaScript counts as two."""
    for review in (MIXED, GOOD, "😀" * 5 + "not good not good\r\n\tnot  good 👨‍👩‍👧 good!", "é" * 300 + " dull"):
        explanation = explain(served, review)
        pieces = run("pull.js", "piecesOf", review, explanation, "!?")
        assert "".join(piece["text"] for piece in pieces) == review
        assert sum(piece["pull"] for piece in pieces) == pytest.approx(sum(t["log_odds"] for t in explanation["terms"]))
        unknown = [review[span["start"] : span["end"]] for span in explanation["unknown_words"]]
        assert [piece["text"] for piece in pieces if piece["unknown"]] == unknown
        for piece in pieces:
            for term in piece["terms"]:
                assert piece["text"].lower() in term["term"]


def test_pull_of_a_phrase_is_shared_by_its_words(run: Callable[..., Any]) -> None:
    explanation = {
        "terms": [
            {"term": "not good", "log_odds": -2.0, "occurrences": [{"start": 2, "end": 10}]},
            {"term": "good", "log_odds": 0.6, "occurrences": [{"start": 6, "end": 10}, {"start": 12, "end": 16}]},
        ],
        "unknown_words": [{"start": 0, "end": 1}],
    }
    pieces = run("pull.js", "piecesOf", "😀 not good, Good", explanation, "")
    assert [piece["text"] for piece in pieces if piece["word"]] == ["😀", "not", "good", "Good"]
    assert [piece["pull"] for piece in pieces if piece["word"]] == pytest.approx([0, -1.0, -0.7, 0.3])
    assert [term["term"] for term in pieces[4]["terms"]] == ["not good", "good"]


@pytest.mark.parametrize("version", ["1", "2"])
def test_page_and_terminal_give_words_the_same_pulls(run: Callable[..., Any], version: str) -> None:
    """Of bundles that keep no signs, and some."""
    classifier = open_classifier(load_bundle(ROOT / "models/imdb" / version), "litert")
    kept = classifier.vocabulary.encoding.kept_punctuation
    assert kept == {"1": "", "2": "!?"}[version]
    for review in ALIKE:
        explanation = explained(classifier, review)
        answer = json.loads(explanations_json("imdb", version, [explanation], None))["explanations"][0]
        pieces = run("pull.js", "piecesOf", review, answer, kept)
        tokens = classifier.vocabulary.locate(review)
        assert "".join(piece["text"] for piece in pieces) == review
        words = [piece for piece in pieces if piece["word"]]
        assert [piece["text"] for piece in words] == [review[token.start : token.end] for token in tokens]
        assert [piece["pull"] for piece in words] == pytest.approx(pulls_of(tokens, explanation.effects), abs=1e-6)


def test_phrase_is_shared_by_the_words_that_a_hyphen_joins(run: Callable[..., Any]) -> None:
    explanation = {
        "terms": [
            {"term": "well known actor", "log_odds": 0.6, "occurrences": [{"start": 0, "end": 16}]},
            {"term": "actor", "log_odds": 0.3, "occurrences": [{"start": 11, "end": 16}]},
        ],
        "unknown_words": [],
    }
    pieces = run("pull.js", "piecesOf", "well-known actor", explanation, "")
    assert [piece["pull"] for piece in pieces if piece["word"]] == pytest.approx([0.2, 0.2, 0.5])


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["", "!?", "-]^\\", "—’"])
def test_words_are_split_where_the_model_splits_them(run: Callable[..., Any], kept: str) -> None:
    """At every character that there is outside of the rarer planes, and some of those."""
    characters = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), 0x1F600, 0x1D400)]
    text = "".join(f"x{character}y " for character in characters)
    everything = {"terms": [], "unknown_words": [{"start": 0, "end": len(text)}]}
    pieces = run("pull.js", "piecesOf", text, everything, kept)
    words = [piece["text"] for piece in pieces if piece["word"]]
    assert words == [text[token.start : token.end] for token in locate(text, kept)]


def test_word_under_the_pointer_tells_its_numbers(visit: Visit, served: Server) -> None:
    visit.ask(MIXED)
    word = visit.words.locator("mark", has_text="superb")
    word.hover()
    (term,) = [term for term in explain(served, MIXED)["terms"] if term["term"] == "superb"]
    points = f"{term['probability'] * 100:.1f} points"
    expect(visit.numbers).to_contain_text(f"“superb”: +{term['log_odds']:.2f} log-odds, +{points}")
    expect(visit.numbers).to_contain_text("“superb acting”: ")
    expect(visit.numbers).to_contain_text("This word's share: +")
    expect(word).to_have_attribute("aria-describedby", "numbers")
    visit.numbers.hover()  # it stays for those who want to read it enlarged
    visit.page.wait_for_timeout(250)
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(visit.numbers).to_be_hidden()
    visit.words.locator("mark", has_text="Zzyzx").hover()
    expect(visit.numbers).to_have_text("The model has no term for this word here.")
    visit.page.mouse.move(1, 1)
    expect(visit.numbers).to_be_hidden()


def test_words_are_reached_by_the_keyboard(visit: Visit) -> None:
    visit.ask(GOOD)
    marks = visit.words.locator("mark")
    visit.words.press("Tab")  # from anywhere within the page
    marks.first.focus()
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowRight")
    expect(marks.nth(2)).to_be_focused()
    visit.page.keyboard.press("End")
    expect(marks.last).to_be_focused()
    visit.page.keyboard.press("ArrowRight")
    expect(marks.last).to_be_focused()
    assert visit.words.locator("mark[tabindex='0']").count() == 1
    visit.page.keyboard.press("Tab")
    expect(visit.numbers).to_be_hidden()
    expect(marks.last).not_to_be_focused()


def test_terms_are_listed_by_their_pull(visit: Visit, served: Server) -> None:
    visit.ask(MIXED)
    terms = explain(served, MIXED)["terms"]
    table = visit.page.get_by_role("table", name="Strongest pulls")
    expect(table.locator("tbody tr")).to_have_count(8)
    visit.page.get_by_role("button", name=f"Show all {len(terms)}").click()
    expect(table.locator("tbody tr")).to_have_count(len(terms))
    expect(visit.page.get_by_role("button", name="Only the first 8")).to_have_attribute("aria-expanded", "true")
    cells = table.locator("tbody tr").first.locator("th, td").all_inner_texts()
    assert cells[0] == terms[0]["term"]
    assert cells[1] == ("positive" if terms[0]["log_odds"] > 0 else "negative")
    assert float(cells[2].replace("−", "-")) == pytest.approx(terms[0]["log_odds"], abs=0.006)
    assert float(cells[3].replace("−", "-")) == pytest.approx(terms[0]["probability"] * 100, abs=0.06)


def test_term_that_pulls_nowhere_is_on_neither_side(visit: Visit) -> None:
    """In this review, "and a" has less than 0.005 log-odds."""
    visit.ask(EVERYDAY)
    row = visit.page.locator("#terms tbody tr", has=visit.page.get_by_role("rowheader", name="and a", exact=True))
    expect(row.locator("td").nth(1)).to_have_text("0.00")
    kind = row.locator("td").nth(0)
    expect(kind).to_have_text("neither")
    colour = "(cell) => getComputedStyle(cell).color"
    assert kind.evaluate(colour) == row.locator("td").nth(1).evaluate(colour)


def test_everyday_word_is_not_called_unknown(visit: Visit) -> None:
    """It may have a term in another place: in "a good film", "good" has."""
    visit.ask(EVERYDAY)
    word = visit.words.locator("mark.unknown", has_text="good")
    word.hover()
    expect(visit.numbers).to_have_text("The model has no term for this word here.")
    expect(visit.page.locator(".legend")).to_contain_text("dotted line not read")
    visit.ask("A good film")
    assert "positive" in str(visit.words.locator("mark", has_text="good").get_attribute("class"))


@pytest.mark.parametrize(("probability", "told"), [(1.0, True), (0.99999905, True), (0.99999893, False), (1e-9, False)])
def test_explanation_says_from_where_on_it_tells_nothing(visit: Visit, probability: float, told: bool) -> None:
    """The probabilities are neighbours in float32; on the other side it has digits enough."""

    def answer(route: Route) -> None:
        real = route.fetch()
        explanation = real.json()["explanations"][0] | {"positive_probability": probability}
        route.fulfill(response=real, json={"explanations": [explanation]})

    visit.page.route("**/explain", answer)
    visit.ask(GOOD)
    sentence = visit.page.get_by_text("The model is so certain here that what a single word adds can hardly be told.")
    expect(sentence).to_be_visible(visible=told)


def test_very_certain_review_says_so(visit: Visit) -> None:
    visit.ask(PRAISE)
    expect(visit.page.locator("#certain")).to_be_visible()
    visit.ask(GOOD)
    expect(visit.page.locator("#certain")).to_be_hidden()


def test_examples_are_answered_when_clicked(visit: Visit) -> None:
    verdicts = ["Positive", "Negative", "Uncertain", "Negative", "Uncertain"]  # each another one than that before
    for button, verdict in zip(visit.page.locator("#examples button").all(), verdicts, strict=True):
        with visit.page.expect_response("**/explain") as answer:
            button.click()
        assert answer.value.status == 200
        expect(visit.verdict).to_have_text(re.compile(rf"^{verdict}\b"))
    visit.page.get_by_role("button", name="Clear").click()
    expect(visit.verdict).to_have_text("Nothing yet")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()


def test_typing_asks_only_when_it_pauses(visits: Callable[..., Visit], served: Server) -> None:
    """By the page's clock, which this test moves on: a tenth of a second a key, a quarter is a pause."""
    visit = visits(served.url)
    visit.page.clock.install(time=0)
    visit.open()
    expect(visit.page.locator("#facts")).to_contain_text("version")
    visit.page.clock.pause_at(3600)
    asked: list[Request] = []
    visit.page.on("request", lambda request: asked.append(request) if request.url.endswith("/explain") else None)
    visit.page.get_by_label("Write or paste a review").focus()
    for sign in "A superb and moving film":
        visit.page.keyboard.press(sign)
        visit.page.clock.run_for(100)
    assert not asked
    visit.page.clock.run_for(150)
    expect(visit.verdict).to_contain_text("Positive")
    assert len(asked) == 1


@pytest.mark.parametrize("aborting", [True, False])
def test_answer_that_comes_too_late_is_dropped(visits: Callable[..., Visit], served: Server, aborting: bool) -> None:
    """By giving the request up, and, should its answer come all the same, by its number."""
    visit = visits(served.url)
    if not aborting:
        visit.page.add_init_script("AbortController.prototype.abort = () => {}")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    visit.page.route("**/explain", hold_the_first)
    visit.open()
    failed: list[str] = []
    visit.page.on("requestfailed", lambda request: failed.append(request.url))
    with visit.page.expect_request("**/explain"):
        visit.write(GOOD)
    visit.page.wait_for_timeout(50)
    visit.ask(BAD)
    expect(visit.verdict).to_contain_text("Negative")
    with suppress(Error):  # one that was given up is gone
        held[0].fallback()
    visit.page.wait_for_timeout(300)
    expect(visit.verdict).to_contain_text("Negative")
    expect(visit.words).to_have_text(BAD)
    assert bool(failed) == aborting


def test_emptied_field_drops_the_answer(visit: Visit) -> None:
    visit.ask(GOOD)
    visit.write(" \n ")
    expect(visit.verdict).to_have_text("Nothing yet")
    expect(visit.page.locator("#problem")).to_be_hidden()
    assert visit.words.inner_text() == ""


def test_longest_review_is_answered(visit: Visit) -> None:
    """As long as the limit allows, every fourth character beyond what JavaScript holds in one unit."""
    review = ("dull 😀 superb, " * 4000)[:50_000]
    visit.ask(review)
    expect(visit.page.locator("#hint")).to_have_text("50,000 characters")
    visit.write(review + "😀!")
    expect(visit.verdict).to_have_text("Too long")
    expect(visit.page.locator("#hint")).to_have_text("50,002 characters, 2 too many: a review may have 50,000.")


def test_half_a_character_is_replaced(visit: Visit) -> None:
    visit.page.get_by_label("Write or paste a review").evaluate(
        "(field) => { field.value = 'A superb \\ud83d film, wonderful!'; field.dispatchEvent(new Event('input')); }"
    )
    expect(visit.verdict).to_contain_text("Positive")


def test_model_is_described_with_its_plots(visit: Visit) -> None:
    facts = visit.page.locator("#facts")
    expect(facts).to_contain_text("imdb, version 2")
    expect(facts).to_contain_text("92.1 % of 25,000 test reviews")
    expect(facts).to_contain_text("50,000 characters")
    for name in ("loss", "accuracy"):
        plot = visit.page.get_by_role("img", name=f"Plot: training and validation {name}, epoch by epoch")
        plot.scroll_into_view_if_needed()
        expect(plot).to_be_visible()
        assert plot.evaluate("(image) => image.naturalWidth") > 300


def test_theme_is_chosen_and_remembered(visit: Visit) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(background)
    visit.page.get_by_label("Colours").select_option("dark")
    dark = visit.page.evaluate(background)
    assert dark != light
    visit.page.reload()
    assert visit.page.evaluate(background) == dark
    visit.page.get_by_label("Colours").select_option("as the system")
    assert visit.page.evaluate(background) == light
