"""`python -m app explain`, and how words get their colours."""

import re

import httpx
import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import find_bundle, load_bundle
from app.commands.explain import coloured, pulls_of
from app.model.classifier import Classifier
from app.model.explanation import explain
from tests.servers import ROOT, Server
from tests.terminal.terminals import BLUE, ORANGE, SGR, on_terminal, piped, refusal

REVIEW = "A superb cast, but not a good film: it's dull, zorblax and superb again!"
ODD = ["İstanbul ﬁne — “don’t” \x1b[31m\u202e superb", "dull " * 400, "!?", "superb\r\n\r\ndull"]


@pytest.fixture(scope="module")
def numpy() -> Classifier:
    return open_classifier(load_bundle(find_bundle(ROOT / "models/imdb")), "numpy")


@pytest.mark.parametrize("top", [None, 0, 3])
def test_explain_json_is_the_response_of_the_service(served: Server, top: int | None) -> None:
    body = {"reviews": [REVIEW, *ODD]} | ({} if top is None else {"top": top})
    response = httpx.post(f"{served.url}/explain", json=body)
    done = piped("explain", "--json", *([] if top is None else ["--top", str(top)]), REVIEW, *ODD)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == response.content + b"\n"


def test_explain_on_a_terminal_colours_words_by_their_pull() -> None:
    shown = on_terminal("explain", REVIEW, "--top", "100", width=100)
    text = SGR.sub("", shown)
    assert re.search(f"{BLUE}superb⁺+\x1b", shown)
    assert re.search(f"{ORANGE}dull⁻+\x1b", shown)  # in the text, not only in the table
    assert "\x1b[2mzorblax\x1b[0m" in shown
    assert re.search(r"superb⁺+ cast, but not⁻.* dull⁻+, zorblax and superb⁺+ again", text)
    assert re.search(r"^ \+\d\.\d\d +\+0\.\d{3} +0\.\d{3} +2 +superb *$", text, re.MULTILINE)
    assert re.search(r"^ -\d\.\d\d +-0\.\d{3} +0\.\d{3} +1 +dull *$", text, re.MULTILINE)
    assert re.search("^Unknown words: .*zorblax", text, re.MULTILINE)
    assert "--top" not in text
    sentences = SGR.sub("", on_terminal("explain", "It is superb. It is dull.", width=100))
    assert re.search(r"^ 0\.\d{3} +\S.* +It is superb\. *$\n^ 0\.\d{3} +\S.* +It is dull\. *$", sentences, re.MULTILINE)
    unknown = SGR.sub("", on_terminal("explain", "zorblax", width=100))
    assert re.match("– cannot tell  log-odds .*, 0 of 1 words known", unknown)
    plain = on_terminal("explain", REVIEW, "--top", "1", width=100, NO_COLOR="1")
    assert re.search(r"\d+ more terms .*[+-]\d\.\d\d.*--top", plain)
    assert "38;5" not in plain


def test_explain_to_a_pipe_is_the_line_of_score_and_its_terms() -> None:
    done = piped("explain", "--top", "3", REVIEW, "\x1b[31mzorblax")
    first, second = done.stdout.decode().rstrip().split("\n\n")
    scored, *terms, unknown, sentence = first.splitlines()
    assert scored + "\n" == piped("score", REVIEW).stdout.decode()
    assert len(terms) == 3
    assert re.search(r"^\+\d\.\d{6}\t\+0\.\d{6}\t0\.\d{6}\t2\tsuperb$", "\n".join(terms), re.MULTILINE)
    sizes = [abs(float(term.split("\t")[0])) for term in terms]
    assert sizes == sorted(sizes, reverse=True)
    assert re.match("unknown\t.*zorblax", unknown)
    assert re.match(r"sentence\t0\.\d{6}\t", sentence)
    assert second.splitlines()[0].endswith("\t�[31mzorblax")


def test_explain_refuses_bad_input_with_a_reason() -> None:
    assert "-1 is not in the range" in refusal("explain", "--top", "-1", "good")
    assert "the maximum is 8 (SENTIMENT_MAX_EXPLAINED)" in refusal("explain", stdin=b"good\n" * 9)


@pytest.mark.parametrize("review", [REVIEW, *ODD])
def test_words_share_the_effects_of_their_terms(numpy: Classifier, review: str) -> None:
    explanation = explain(numpy, review)
    tokens = numpy.vocabulary.locate(review)
    pulls = pulls_of(tokens, explanation.terms)
    assert sum(pulls) == pytest.approx(sum(effect.log_odds for effect in explanation.terms), abs=1e-9)
    shown = re.sub("[⁺⁻]", "", coloured(review, tokens, explanation).plain)
    assert len(shown) == len(review.rstrip())
    assert not any(was.isprintable() for was, now in zip(review, shown, strict=False) if was != now)
    assert "\x1b" not in shown
