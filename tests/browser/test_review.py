"""One review in the playground: its verdict while typing, its sentences, their words, examples."""

import io
import json
import re

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Locator, Request, expect

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from app.commands.explain import pulls_of
from app.model.explanation import explain as explain_in_terminal
from app.model.serialization import explanation_json
from tests.browser.chromium import Run, Visit, Visits
from tests.models import MODELS, VERSIONS
from tests.servers import Server

GOOD = "I loved this wonderful film: superb acting and a moving story."
BAD = "A dull waste of time, boring from start to finish, with awful jokes."
TOO_FEW = "too few known words"
NOT_CERTAIN = "Not certain: between 9% and 93%."
RULE = {"above": 0.085, "below": 0.929, "min_known_words": 1, "min_known_share": 0.66}


def terms(visit: Visit, name: str) -> list[list[str]]:
    """The terms of one of the lists: what is shown, its numbers, and its tooltip."""
    content = "(items) => items.map((item) => [item.firstChild.textContent, item.lastChild.textContent, item.title])"
    shown: list[list[str]] = visit.page.locator(f"#{name} li").evaluate_all(content)
    return shown


def test_examples_show_what_they_say(visit: Visit) -> None:
    expect(visit.sentences).to_have_count(4)
    expect(visit.page.get_by_role("radio")).to_have_count(0)  # a single version is not chosen
    expect(visit.page.get_by_role("button", name="Mixed")).to_have_attribute("aria-pressed", "true")
    shown = {}
    for button in visit.page.locator("#examples button").all():
        button.click()
        text = button.get_attribute("data-text") or ""
        expect(visit.text).to_have_text(re.sub(r"\s+", " ", text))
        expect(visit.page.locator("#examples [aria-pressed=true]")).to_have_text([button.inner_text()])
        shown[button.inner_text()] = visit.verdict.inner_text()
    assert shown["Negation"].endswith("ositive")
    for name, verdict in {"Mixed": "Positive", "Misleading": "Positive", "French": "Cannot tell"}.items():
        assert shown[name] == verdict, name
    visit.page.get_by_role("button", name="Clear").click()
    expect(visit.verdict).to_have_text("No review yet")
    expect(visit.page.get_by_label("Write or paste a review")).to_be_focused()


def test_review_is_scored_while_it_is_typed(visit: Visit, served: Server) -> None:
    meter = visit.page.get_by_role("meter", name="Probability of being positive")
    visit.write("")
    visit.page.get_by_label("Write or paste a review").press_sequentially("I loved this wonderful superb film")
    expect(visit.verdict).to_have_text("Positive")
    expect(visit.share).to_have_text(re.compile(r"^(9\d(\.\d)?|over 99\.9)% positive$"))
    visit.write(BAD)
    expect(visit.verdict).to_have_text("Negative")
    (prediction,) = httpx.post(f"{served.url}/predict", json={"reviews": [BAD]}).json()["predictions"]
    expect(meter).to_have_attribute("aria-valuenow", f"{prediction['positive_probability'] * 100:.1f}")
    expect(meter).to_have_attribute("aria-valuetext", visit.share.inner_text().removesuffix(" positive"))
    visit.explain("xyzzy plugh superb")
    expect(visit.verdict).to_have_text("Cannot tell")
    expect(visit.reason).to_have_text("The model knows 1 of 3 words. It reads English.")
    for hidden in (meter, visit.page.locator("#effects")):
        expect(hidden).to_be_hidden()
    visit.page.get_by_label("Write or paste a review").evaluate(
        "(field) => { field.value = 'A superb \\ud83d film, wonderful!'; field.dispatchEvent(new Event('input')); }"
    )
    expect(visit.verdict).to_have_text("Positive")  # JSON cannot represent the lone surrogate
    visit.write(" \n ")
    expect(visit.verdict).to_have_text("No review yet")
    expect(visit.page.locator("#answer")).to_be_hidden()


@pytest.mark.parametrize(
    ("probability", "uncertain", "words", "known", "verdict", "share", "reason"),
    [
        (0.9999, False, 9, 9, "Positive", "over 99.9% positive", "The model knows 9 of 9 words."),
        (0.0008, False, 2100, 2000, "Negative", "under 0.1% positive", "The model knows 2,000 of 2,100 words."),
        (0.37, True, 3, 3, "Probably negative", "37% positive", f"{NOT_CERTAIN} The model knows 3 of 3 words."),
        (0.52, True, 3, 3, "Cannot tell", "52% positive, close to even", "The model knows 3 of 3 words."),
        (0.98, True, 14, 2, "Cannot tell", TOO_FEW, "The model knows 2 of 14 words. It reads English."),
        (0.43, True, 1, 0, "Cannot tell", TOO_FEW, "The model knows 0 of 1 word. It reads English."),
    ],
)
def test_verdict_is_in_words(
    run: Run, probability: float, uncertain: bool, words: int, known: int, verdict: str, share: str, reason: str
) -> None:
    sentiment = "positive" if probability >= 0.5 else "negative"
    prediction = {"positive_probability": probability, "sentiment": sentiment, "uncertain": uncertain}
    prediction |= {"words": words, "known_words": known}
    told = run("verdict.js", "read", prediction, RULE)
    assert told == {"verdict": verdict, "share": share, "reason": reason, "isReadable": share != TOO_FEW}


@pytest.mark.slow
def test_bar_extends_from_the_middle_and_marks_what_is_not_certain(visit: Visit) -> None:
    def colours() -> list[str]:
        """The colours of the left and of the right half."""
        with Image.open(io.BytesIO(visit.page.locator(".bar").screenshot())).convert("RGB") as bar:
            pixels = [bar.getpixel((int(bar.width * place), bar.height // 2)) for place in (0.3, 0.7)]
        differences = [pixel[2] - pixel[0] for pixel in pixels if isinstance(pixel, tuple)]  # blue less red
        return ["blue" if each > 50 else "orange" if each < -50 else "" for each in differences]

    visit.explain(BAD)
    assert colours() == ["orange", ""]
    visit.explain("A superb and moving film")
    assert colours() == ["", "blue"]
    expect(visit.page.locator(".scale").first).to_have_text(re.compile(r"negative\s*below 9%\s*positive\s*above 93%"))
    mark, width = visit.page.locator(".bar").evaluate(
        "(bar) => [getComputedStyle(bar, '::before').left, bar.clientWidth]"
    )
    assert float(mark.removesuffix("px")) / width == pytest.approx(0.085, abs=0.001)


def test_sentences_have_verdicts_and_are_chosen_with_pointer_and_keyboard(visit: Visit, served: Server) -> None:
    review = "The acting was superb. 😀 The plot, however, was a dull mess. *** \nZzyzx quux."
    visit.explain(review)
    (explanation,) = httpx.post(f"{served.url}/explain", json={"reviews": [review]}).json()["explanations"]
    expect(visit.sentences).to_have_text([review[one["start"] : one["end"]] for one in explanation["sentences"]])
    kinds = visit.sentences.evaluate_all("(sentences) => sentences.map((one) => one.dataset.verdict)")
    assert [kind.rpartition("-")[2] for kind in kinds] == ["positive", "negative", "tell"]
    expect(visit.page.locator("#sentences-title")).to_contain_text("3 sentences: 1 ")
    assert (visit.sentences.nth(1).get_attribute("aria-label") or "").lower().startswith(kinds[1].replace("-", " "))

    def expect_chosen(sentence: Locator) -> None:
        expect(sentence).to_have_attribute("aria-selected", "true")
        expect(visit.page.locator("[role=option][aria-selected=true]")).to_have_count(1)

    title, words = visit.page.locator("#effects-title"), visit.page.locator(".effects:visible li > :first-child")
    expect(title).to_have_text("Words in the whole review")
    first, second, third = visit.sentences.all()
    first.hover()
    expect_chosen(first)
    expect(words.filter(has_text=re.compile("^superb"))).to_be_visible()
    expect(words.filter(has_text="dull")).to_have_count(0)
    second.click()
    expect_chosen(second)
    expect(words.filter(has_text="dull")).to_be_visible()
    first.hover()  # on the way to the bars: the clicked one stays
    visit.page.wait_for_timeout(250)
    expect_chosen(second)
    for key, sentence in (("ArrowLeft", first), ("End", third)):
        visit.page.keyboard.press(key)
        expect(sentence).to_be_focused()
        expect_chosen(sentence)
    assert visit.page.locator("[role=option][tabindex='0']").count() == 1
    visit.page.keyboard.press("Escape")
    expect(title).to_have_text("Words in the whole review")


def test_words_explain_the_review_or_the_chosen_sentence_alone(visit: Visit) -> None:
    requests: list[Request] = []
    visit.page.on("request", lambda one: requests.append(one) if "/explain" in one.url else None)
    strongest = [visit.page.locator(f"#{name} li > :first-child").first for name in ("for", "against")]
    expect(strongest[0]).to_have_text("superb")
    words = {name: terms(visit, name) for name in ("for", "against")}
    assert words["for"][0] == ["superb", "+1.05, without it: 90%", "without “superb”: 90%"]
    assert words["against"][0] == ["are not funny", "−1.73, without it: 99.3%", "without “are not funny”: 99.3%"]
    assert (len(words["for"]), len(words["against"])) == (30, 27), "words of almost no effect are left out"
    for shown in words.values():
        sizes = [float(numbers.split(",")[0][1:]) for _, numbers, _ in shown]
        assert sizes == sorted(sizes, reverse=True)
    sentences = visit.sentences.all()
    expected = [
        ("99.7%", "superb", "superb and"),
        ("5%", "is a little", "are not funny"),
        ("98%", "moved me", "but the last"),
        ("99.3%", "best films", "best films of"),
    ]
    for sentence, (share, *firsts) in zip(sentences * 2, expected * 2, strict=True):  # then without a request
        sentence.click()
        expect(visit.page.locator("#effects-title")).to_have_text(f"Words in this sentence ({share} positive)")
        for place, word in zip(strongest, firsts, strict=True):
            expect(place).to_have_text(word)
    assert len(requests) == len(sentences)
    sentences[0].click()
    expect(strongest[0]).to_have_text("superb")
    alike = ["the, was, and, plus 1 more (5 times)", "−0.13, without them: 99.7%"]
    assert [*alike, "without “the”, “was”, “and”, “is”: 99.7%"] in terms(visit, "against")
    visit.page.get_by_role("button", name="Back to the review").click()
    expect(strongest[1]).to_have_text("are not funny")
    assert {name: terms(visit, name) for name in words} == words


@pytest.mark.slow
def test_long_review_starts_with_its_strongest_sentences(visit: Visit) -> None:
    title, shown = visit.page.locator("#sentences-title"), visit.sentences.filter(visible=True)
    weak = "We went there by bus. It was on a Tuesday. "
    visit.explain(f"{weak * 4}The acting is superb. {weak * 2}The plot is a dull mess. {weak}")
    expect(visit.sentences).to_have_count(16)
    assert shown.count() <= 6
    assert {"The acting is superb.", "The plot is a dull mess."} <= set(shown.all_inner_texts())
    visit.page.get_by_role("button", name="Show all 16 sentences").click()
    expect(shown).to_have_count(16)
    visit.explain("Zzyzx quux. " * 11)
    expect(shown).to_have_count(11)  # none is stronger than another
    visit.explain("Superb! " * 99 + "Awful! " * 3)  # the service lists the first hundred
    expect(title).to_contain_text("The first 100 sentences: 1 negative, 99 positive")
    rest = visit.text.get_by_text("Awful! Awful!")
    expect(rest).to_be_hidden()
    visit.page.get_by_role("button", name="Show all 100 sentences").click()
    expect(rest).to_be_visible()
    visit.explain("Superb! " * 99 + "Awful! ***")
    expect(title).to_contain_text(re.compile(r"^100 sentences: 1\b"))


@pytest.mark.parametrize("version", VERSIONS)
def test_words_have_the_same_effects_as_in_the_terminal(run: Run, version: str) -> None:
    classifier = open_classifier(load_bundle(MODELS / version), "numpy")
    for review in (
        "It is not good 😀, but the superb acting is good! Zzyzx",
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
        parts = run("pull.js", "partsOf", review, response)
        assert "".join(part["text"] for part in parts) == review
        assert sum(part["pull"] for part in parts) == pytest.approx(sum(pulls_of(tokens, explanation.terms)), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_verdict_stays_in_view_as_one_line(visits: Visits, served: Server, width: int) -> None:
    visit = visits(served.url, viewport={"width": width, "height": 844})
    visit.arrive()
    expect(visit.reason).to_be_visible()
    expect(visit.sentences.first).to_be_in_viewport(ratio=1)
    visit.page.set_viewport_size({"width": width, "height": 600})
    top = "(element) => element.getBoundingClientRect().top"
    words = visit.page.locator("#effects-title")
    place = words.evaluate(top)
    visit.page.evaluate("scrollTo(0, 250)")
    expect(visit.reason).to_be_hidden()
    expect(visit.verdict).to_be_in_viewport()
    card = visit.page.locator("#verdict-card").bounding_box()
    assert card is not None
    assert card["height"] < 80
    assert words.evaluate(top) == pytest.approx(place - 250, abs=1), "nothing below it moves"
    visit.page.evaluate("scrollTo(0, 0)")
    expect(visit.reason).to_be_visible()


@pytest.mark.slow
def test_requests_wait_for_a_pause_in_typing(visits: Visits, served: Server) -> None:
    """With the page's clock under control: a key every tenth of a second; a quarter is a pause."""
    visit = visits(served.url)
    visit.page.clock.install(time=0)
    visit.arrive()
    visit.write("")
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


@pytest.mark.slow
def test_outdated_response_is_ignored(visits: Visits, served: Server) -> None:
    """The page cancels the request; should its response still arrive, it is not shown."""
    visit = visits(served.url)
    visit.page.add_init_script("AbortController.prototype.abort = () => {}")
    held = visit.hold("**/explain", times=1)
    visit.open()
    with visit.page.expect_request("**/explain"):
        visit.write(GOOD)
    visit.explain(BAD)
    with visit.page.expect_response("**/explain"):
        held[0].fallback()
    visit.page.wait_for_timeout(100)
    expect(visit.text).to_have_text(BAD)


@pytest.mark.slow
def test_longest_reviews_are_explained_longer_ones_scored_and_the_longest_neither(visit: Visit) -> None:
    """The limits are in code points; JavaScript counts emoji twice."""
    review = "dull 😀 superb, " * 4000
    visit.explain(review[:15_000])
    missing, hint = visit.page.locator("#missing"), visit.page.locator("#hint")
    expect(missing).to_be_empty()
    visit.write(review[:15_001])
    expect(missing).to_contain_text("only shown for reviews of up to 15,000 characters")
    expect(visit.page.locator("#explained")).to_be_hidden()
    visit.write(review[:50_000])
    expect(hint).to_have_text("50,000 characters")
    expect(visit.reason).to_contain_text("The model knows 6,667 of 10,000 words")
    visit.write(review[:50_000] + "😀!")
    expect(visit.verdict).to_have_text("Too long")
    expect(hint).to_have_text("50,002 characters, 2 over the limit of 50,000")


@pytest.mark.slow
def test_model_is_described_with_a_link_to_its_card_in_the_chosen_theme(visit: Visit) -> None:
    expect(visit.facts).to_contain_text("Right about 92.4% of 25,000 test reviews.")
    expect(visit.page.get_by_text("does not understand sarcasm")).to_be_visible()
    background = "getComputedStyle(document.body).backgroundColor"
    light = visit.page.evaluate(background)
    visit.page.get_by_label("Theme").select_option("Dark")
    dark = visit.page.evaluate(background)
    assert dark != light
    visit.page.get_by_role("link", name="Model card of version").click()
    plot = visit.page.get_by_role("img", name="loss")
    assert plot.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 300
    expect(visit.page.locator("body")).to_have_css("background-color", dark)
    assert "invert" in plot.evaluate("(image) => getComputedStyle(image).filter")  # its background is white
    visit.arrive()
    visit.page.get_by_label("Theme").select_option("System")
    expect(visit.page.locator("body")).to_have_css("background-color", light)
