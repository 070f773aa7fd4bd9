"""The tokeniser against its definition, and against Keras's own."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.inference.text import APOSTROPHES, FILTERED, SEPARATORS, locate, tokenise

any_text = st.text(st.one_of(st.characters(), st.sampled_from(FILTERED + APOSTROPHES + SEPARATORS + "'aB \r\u00a0")))
ODD = ["İ", "ΑΣ", "Σ.", "ß", "e\u0301", "👩\u200d👧", "\ud800", "ǅ"]
"""Lower case that is longer or depends on neighbours, characters of several code points, half a character."""
with_surrogates = st.text(st.characters(exclude_categories=()))
punctuation = st.sampled_from(["", "!", "!?"])


def plainly(text: str, kept: str) -> list[str]:
    """Tokenise by the definition, one character at a time."""
    tokens = [""]
    for sign in text.lower():
        if sign in kept:
            tokens += [sign, ""]
        elif sign in FILTERED or sign in SEPARATORS or sign.isspace():
            tokens.append("")
        else:
            tokens[-1] += "'" if sign in APOSTROPHES else sign
    return [token for token in tokens if token]


@given(st.one_of(any_text, with_surrogates), punctuation)
@example("Don\u2019t\u00a0stop\u2026 Now!", "")
def test_tokenise_any_text_follows_the_definition(text: str, kept: str) -> None:
    tokens = tokenise(text, kept)
    assert tokens == plainly(text, kept)
    assert tokenise(" ".join(tokens), kept) == tokens


@given(st.lists(st.one_of(any_text, st.sampled_from(ODD))).map("".join), punctuation)
@example("İİ x", "")
@example("ΑΣ.Α", "")
def test_locate_any_text_finds_the_tokens_where_they_are(text: str, kept: str) -> None:
    tokens = locate(text, kept)
    assert [token.text for token in tokens] == tokenise(text, kept)
    end = 0
    for token in tokens:
        assert end <= token.start < token.end <= len(text)
        end = token.end
        # Case-folded, as the lower case of a sigma depends on whether it ends a word.
        assert [again.casefold() for again in tokenise(text[token.start : token.end], kept)] == [token.text.casefold()]


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x1f")))
def test_tokenise_ascii_equals_keras(text: str) -> None:
    from keras.src.legacy.preprocessing.text import text_to_word_sequence

    assert tokenise(text) == text_to_word_sequence(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" \t\r\n\u00a0\u2003...!?", []),
        ("Don't stop!<br />NOW", ["don't", "stop", "br", "now"]),
        ("\u201cDon\u2019t\u201d \u2014 stop\u2026now", ["don't", "stop", "now"]),
        ("one\r\ntwo\u2028three", ["one", "two", "three"]),
        ("\x93It\x92s\x94 good\x85really\x97good", ["it's", "good", "really", "good"]),
        ("\ud800 lone \udfff", ["\ud800", "lone", "\udfff"]),
        ("ÉTÉ \u0130", ["été", "i\u0307"]),
        ("a_b-c/d", ["a", "b", "c", "d"]),
    ],
)
def test_tokenise_example(text: str, tokens: list[str]) -> None:
    assert tokenise(text) == tokens
