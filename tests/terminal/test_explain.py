"""`python -m app explain`, and how words get their colours."""

import re
from itertools import pairwise

import httpx
import pytest
from rich.style import Style

from app.inference.classifier import Classifier
from app.terminal.explanations import explain
from app.terminal.pulls import coloured, pulls_of
from tests.servers import Server
from tests.terminal.conftest import Called
from tests.terminal.terminals import SGR, on_terminal, piped

REVIEW = "A superb cast, but not a good film: it's dull, zorblax and superb again!"
PRAISE = (
    "Superb, wonderful, excellent, perfect: a brilliant masterpiece, one of the best films. Great, amazing, must see, "
    "a gem, highly recommended, touching, beautiful, outstanding, flawless, incredible, refreshing, hilarious, 10/10, "
    "well worth it, thoroughly enjoyed, magnificent, captivating, unforgettable, haunting, delightful, terrific."
)
ODD = ["İstanbul ﬁne — “don’t” \x1b[31m\u202e superb", "dull " * 400, "!?", "superb\r\n\r\ndull"]
BLUE, ORANGE = r"\x1b\[(?:1;)?38;5;33m", r"\x1b\[(?:1;)?38;5;208m"


@pytest.mark.parametrize("top", [None, 0, 3])
def test_explain_json_is_the_services_answer_byte_for_byte(served: Server, top: int | None) -> None:
    reviews = [REVIEW, *ODD]
    wanted = {"reviews": reviews} | ({} if top is None else {"top": top})
    answer = httpx.post(f"{served.url}/explain", json=wanted)
    done = piped("explain", "--json", *([] if top is None else ["--top", str(top)]), *reviews)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == answer.content + b"\n"


def test_explain_on_a_terminal_colours_words_by_their_pull() -> None:
    screen = on_terminal("explain", REVIEW, width=100)
    assert screen.code == 0
    assert re.search(f"{BLUE}superb\x1b\\[0m{BLUE}⁺", screen.raw)
    assert re.search(f"{ORANGE}dull\x1b\\[0m{ORANGE}⁻", screen.raw)  # in the text, not only in the table
    assert "\x1b[2mzorblax\x1b[0m" in screen.raw
    assert re.search(r"superb⁺+ cast, but not⁻.* dull⁻+, zorblax and superb⁺+ again", screen.text)
    assert re.search(r"^ superb +\+\d\.\d\d +\+0\.\d{3} +0\.\d{3} +2 *$", screen.text, re.MULTILINE)
    assert re.search(r"^ dull +-\d\.\d\d +-0\.\d{3} +0\.\d{3} +1 *$", screen.text, re.MULTILINE)
    assert "words without a term here: " in screen.text
    assert not [character for character in screen.text if not (character.isprintable() or character == "\n")]


def test_explain_without_colours_has_the_signs() -> None:
    screen = on_terminal("explain", REVIEW, width=100, NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*[34]\d", screen.raw)
    assert re.search(r"superb⁺+ cast", screen.text)
    screen = on_terminal("explain", REVIEW, width=100, PYTHONIOENCODING="ascii")
    assert re.search(r"superb\++ cast, but not-", screen.text)


def test_explain_colours_no_term_that_pulls_nowhere() -> None:
    """In this review, "and a" has less than 0.005 log-odds, and less than 0.0005 of the probability."""
    screen = on_terminal("explain", "A superb film and a good cast and story", width=100)
    (line,) = (line for line in screen.raw.splitlines() if SGR.sub("", line).startswith(" and a "))
    assert re.search(r"and a +0\.00 +0\.000 +0\.\d{3} +1", line)  # no sign, and no colour in between
    assert re.search(f"{BLUE} +\\+0", screen.raw)


@pytest.mark.parametrize(
    ("review", "told"), [(PRAISE, True), (REVIEW, False), ("dull awful worst boring " * 200, False)]
)
def test_explain_of_a_very_certain_review_says_so(review: str, told: bool) -> None:
    sentence = "The model is so certain here that what a single word adds can hardly be told."
    screen = on_terminal("explain", review, width=100)
    assert (sentence in screen.text) is told
    assert sentence not in piped("explain", review).stdout.decode()  # programs read lines and fields


def test_explain_top_says_how_many_terms_it_lists(called: Called) -> None:
    for top, listed in (("2", 2), ("0", 0), ("1000", None)):
        done = called("explain", REVIEW, "--top", top)
        terms = [line.split("\t") for line in done.stdout.splitlines() if line[0] in "+-"]
        assert len(terms) == listed if listed is not None else len(terms) > 5
        sizes = [abs(float(term[0])) for term in terms]
        assert sizes == sorted(sizes, reverse=True)
    screen = on_terminal("explain", REVIEW, "--top", "1")
    assert re.search(r"\d+ more terms, together [+-]\d\.\d\d log-odds", screen.text)


def test_explain_to_a_pipe_is_the_scored_line_and_its_terms() -> None:
    done = piped("explain", REVIEW, "\x1b[31mzorblax")
    first, second = done.stdout.decode().split("\n\n")
    assert first.splitlines()[0] + "\n" == piped("score", REVIEW).stdout.decode()
    assert re.search(r"^\+\d\.\d{6}\t\+0\.\d{6}\t0\.\d{6}\t2\tsuperb$", first, re.MULTILINE)
    assert re.search(r"^unknown\t.*zorblax", first, re.MULTILINE)
    assert second.splitlines()[0].endswith("\t␛[31mzorblax")
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "٣"])
def test_explain_with_a_wrong_number_says_so(called: Called, number: str) -> None:
    done = called("explain", "--top", number, "good")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a whole number from 0" in done.stderr


def test_explain_takes_as_many_as_a_request(called: Called) -> None:
    done = called("explain", stdin=b"good\n" * 9)
    assert done.returncode == 2
    assert "9 reviews are too many, 8 may come at a time (SENTIMENT_MAX_EXPLAINED). Give fewer at a time" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [((), b"good\n" * 9), ((), b"x" * 2_000_001), (("--file", "reviews.csv"), b"")],
    ids=["reviews", "bytes", "table"],
)
def test_explain_sends_nobody_to_bulk_scoring(called: Called, arguments: tuple[str, ...], stdin: bytes) -> None:
    done = called("explain", *arguments, stdin=stdin)
    assert (done.returncode, "app.bulk" in done.stderr) == (2, False)
    assert "app.bulk" in called("score", *arguments, stdin=stdin * 20).stderr


@pytest.mark.parametrize("review", [REVIEW, *ODD])
def test_pulls_of_words_add_up_to_those_of_the_terms(litert: Classifier, review: str) -> None:
    explanation = explain(litert, review)
    tokens = litert.vocabulary.locate(review)
    assert sum(pulls_of(tokens, explanation.effects)) == pytest.approx(
        sum(effect.log_odds for effect in explanation.effects), abs=1e-9
    )


@pytest.mark.parametrize("review", [REVIEW, *ODD])
def test_coloured_review_is_the_review_with_signs(litert: Classifier, review: str) -> None:
    text = coloured(review, litert.vocabulary.locate(review), explain(litert, review))
    left = re.sub("[⁺⁻]", "", text.plain)
    assert len(left) == len(review.rstrip())
    changed = [was for was, now in zip(review, left, strict=False) if was != now]
    assert not any(character.isprintable() for character in changed)


def test_coloured_word_is_bold_where_it_pulls_hard_only(litert: Classifier) -> None:
    explanation = explain(litert, REVIEW)
    tokens = litert.vocabulary.locate(REVIEW)
    text = coloured(REVIEW, tokens, explanation)
    styles = {text.plain[span.start : span.end]: Style.parse(str(span.style)) for span in text.spans}
    pulls = dict(zip([token.text for token in tokens], pulls_of(tokens, explanation.effects), strict=True))
    assert any(style.bold for style in styles.values())
    for word, style in styles.items():
        if word in pulls:
            assert bool(style.bold) is (abs(pulls[word]) >= 0.8)
    assert all(one.end <= other.start for one, other in pairwise(text.spans))
    assert SGR.search(text.plain) is None
