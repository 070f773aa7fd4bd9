"""The tokeniser against its definition, and against Keras's own."""

import sys
import time
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.model.text import (
    APOSTROPHES,
    FILTERED,
    SEPARATORS,
    TAG,
    Markup,
    clean,
    joined,
    locate,
    sentences,
    tokenise,
)

any_text = st.text(st.one_of(st.characters(), st.sampled_from(FILTERED + APOSTROPHES + SEPARATORS + "'aB \r\u00a0")))
ODD = ["İ", "ΑΣ", "Σ.", "ß", "e\u0301", "👩\u200d👧", "\ud800", "ǅ"]
"""Lower case that is longer or depends on neighbours, characters of several code points, half a character."""
with_surrogates = st.text(st.characters(exclude_categories=()))
punctuation = st.sampled_from(["", "!", "!?"])
markups = st.sampled_from(get_args(Markup))
TAGS = [
    "<br />",
    "<br>",
    "<BR/>",
    "</p>",
    "<i>",
    "</I >",
    "<h1>",
    "<hr size=1 />",
    '<a href="http://x.org/?a=b&c=d!">',
    "<A\n\tHREF = 'x > y'\ttarget=_blank>",
    "<font color=#ff0000 size='2'>",
    "<p class=\u201cx\u201d>",
]
TEXTS = [
    "<3",
    "<Loved it.>",
    "<I love it>",
    "<br",
    "<br <br",
    "< br>",
    "<brr>",
    "<h7>",
    "<a href>",
    "<a href=>",
    '<a href="x>',
    '<a href="<">',
    "<b\u00a0/>",
    "<script>",
    "<!-- no -->",
    "<\u017fpan>",
    "1 < 2 > 0",
    "&lt;br&gt;",
]
"""What looks like a tag, and is none of those that are common in reviews."""


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
@example("good!?bad!", "!?")
def test_tokens_of_any_text_follow_the_definition(text: str, kept: str) -> None:
    tokens = tokenise(text, kept)
    assert tokens == plainly(text, kept)
    assert tokenise(" ".join(tokens), kept) == tokens
    cleaned = clean(text, kept)
    assert cleaned.split() == [token for token in cleaned.split(b" ") if token] == joined(tokens).split()
    assert b"\xff" not in cleaned


def test_all_white_space_separates_even_if_it_is_kept() -> None:
    spaces = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]
    for kept in ("", "\n\x85"):
        assert clean("a".join(spaces), kept).split(b" ") == [b"", *[b"a"] * (len(spaces) - 1), b""]


@given(st.lists(st.one_of(st.sampled_from(TAGS), any_text.map(lambda text: text.replace("<", "")))), punctuation)
def test_tokenise_with_separating_markup_sees_spaces_for_tags(pieces: list[str], kept: str) -> None:
    spaced = "".join(" " if piece in TAGS else piece for piece in pieces)
    assert tokenise("".join(pieces), kept, "separator") == tokenise(spaced, kept)


@pytest.mark.parametrize("tag", TAGS)
def test_tag_separates_words_and_keeps_their_positions(tag: str) -> None:
    text = f"İ Boring.{tag}Avoid{tag}{tag}!"
    assert tokenise(text, "!", "separator") == ["i\u0307", "boring", "avoid", "!"]
    found = [text[token.start : token.end] for token in locate(text, "!", "separator")]
    assert found == ["İ", "Boring", "Avoid", "!"]
    assert len(tokenise(text, "!", "text")) > 4


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_looks_like_a_tag_is_text(text: str) -> None:
    assert tokenise(f"a{text}b", "", "separator") == tokenise(f"a{text}b")


@given(st.lists(st.one_of(any_text, st.sampled_from(ODD + TAGS + TEXTS))).map("".join), punctuation, markups)
@example("İİ x", "", "text")
@example("ΑΣ.Α", "", "text")
@example("İ<br />İ", "", "separator")
def test_locate_any_text_finds_the_tokens_where_they_are(text: str, kept: str, markup: Markup) -> None:
    tokens = locate(text, kept, markup)
    assert [token.text for token in tokens] == tokenise(text, kept, markup)
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The acting was superb. The plot was dull.", ["The acting was superb.", "The plot was dull."]),
        ("Really?! Yes!!!  No.", ["Really?!", "Yes!!!", "No."]),
        ('He said "Wow!" (Twice.) Then left', ['He said "Wow!"', "(Twice.)", "Then left"]),
        ("It was... well... thin. But OK... Fine", ["It was... well... thin.", "But OK...", "Fine"]),
        ("Mr. Smith met J. R. R. Tolkien, e.g. at Dr. No.", ["Mr. Smith met J. R. R. Tolkien, e.g. at Dr. No."]),
        ("Is it better than I? No. Is it? I.", ["Is it better than I?", "No.", "Is it?", "I."]),
        ("Directed by Robert B.<br /><br />Good", ["Directed by Robert B.", "Good"]),
        ("one<br>two </p> <p>three", ["one", "two", "three"]),
        ("one\r\ntwo\n\n\nthree  \n", ["one", "two", "three"]),
        ("no.space. 8.5/10", ["no.space.", "8.5/10"]),
        ("*** Good! *** \U0001f600", ["*** Good!"]),
        ("", []),
        ("?! ***", []),
    ],
)
def test_sentences_example(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(st.lists(st.one_of(any_text, st.sampled_from([*ODD, *TAGS, *TEXTS, ". ", "... ", '." ', "Mr. "]))).map("".join))
def test_sentences_any_text_have_its_letters_in_order(text: str) -> None:
    spans = sentences(text)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    between = zip([0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)], strict=True)
    assert not any(map(str.isalnum, TAG.sub("", "".join(text[start:end] for start, end in between))))
    for start, end in spans:
        part = text[start:end]
        assert part == part.strip()
        assert any(map(str.isalnum, part))


HALF_TAGS = ["<", "<a ", "<a b", "<a b=", "<a b=c", "<a b='", '<a b="c" ', "</", "<blockquote\t", "<br /", " b=c", "="]
HALF_SENTENCES = [" ", ". ", '."', "<br ", "<br />", " <br", "\n", "a. ", ".\"')", " \n", "Mr. "]


@pytest.mark.parametrize("part", HALF_TAGS + HALF_SENTENCES)
def test_hostile_text_takes_linear_time(part: str) -> None:
    """A quadratic search takes minutes."""
    started = time.perf_counter()
    tokenise("<a" + part * (200_000 // len(part)), "", "separator")
    sentences(part * (200_000 // len(part)))
    assert time.perf_counter() - started < 5
