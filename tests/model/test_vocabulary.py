"""Encoding against its definition, and against Keras's own."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.model.text import Markup, tokenise
from app.model.vocabulary import Encoding, Vocabulary
from tests.model.test_text import any_text, markups, punctuation, with_surrogates

WORDS = ["good", "not", "so", "the", "don't", "été", "a"]
ODD_WORDS = [
    "\0",
    "\0" * 8,
    "\0" * 16,
    "\xff",
    "\ud800",
    "\U0001f600",
    "abcdefgh",
    "x" * 16,
    "x" * 17,
    "y" * 32,
    "z" * 70,
]
"""Words at the limits of the blocks that are read at once, and with bytes that could pass for the end of a word."""
longer_words = st.sampled_from(ODD_WORDS).flatmap(
    lambda word: st.sampled_from([word, word[:-1], word + "\0", word + "\xff", word + "x" * 16, "x" + word, word * 2])
)


def check_against_definition(vocabulary: Vocabulary, texts: Sequence[str]) -> None:
    """Encode texts in one batch and alone, and compare with the definition of a row."""
    encoding = vocabulary.encoding
    rows = vocabulary.find([vocabulary.clean(text) for text in texts]).rows
    expected = np.zeros((len(texts), encoding.columns), np.float32)
    for row, line, text in zip(rows, expected, texts, strict=True):
        tokens = vocabulary.tokenise(text)
        columns: set[int] = set()
        known: set[int] = set()
        for start in range(len(tokens)):
            for end in range(start + 1, min(start + encoding.longest_term, len(tokens)) + 1):
                column = vocabulary.word_index.get(" ".join(tokens[start:end]))
                if column is not None:
                    columns.add(column)
                    known.update(range(start, end))
        columns |= {encoding.start_column} if encoding.start_column is not None else set()
        columns |= (
            {encoding.unknown_column} if encoding.unknown_column is not None and len(known) < len(tokens) else set()
        )
        for found in (row, vocabulary.encode(text)):
            assert (found.columns.tolist(), *found[1:]) == (sorted(columns), len(tokens), len(known)), text
            assert found.columns.dtype == np.int32
        line[sorted(columns)] = 1.0
    np.testing.assert_array_equal(vocabulary.multi_hot(rows), expected, strict=True)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Vocabulary, list[str]]:
    """Any encoding, any terms that it allows, and reviews that contain many of them."""
    kept, markup, longest = draw(punctuation), draw(markups), draw(st.integers(1, 4))
    tokens = [*WORDS, *ODD_WORDS, *kept, *tokenise(draw(any_text), kept)]
    terms = draw(st.lists(st.lists(st.sampled_from(tokens), min_size=1, max_size=longest).map(" ".join), unique=True))
    reserved = draw(st.integers(0, 4))
    columns = range(reserved, reserved + len(terms) + draw(st.integers(1, 3)))
    own = st.none() | st.sampled_from(range(reserved)) if reserved else st.none()
    encoding = Encoding(columns.stop, draw(own), draw(own), reserved, longest, kept, markup)
    part = st.sampled_from([*tokens, *terms]) | longer_words | any_text | with_surrogates
    between = draw(st.sampled_from([" ", "", "!", "\u2014", "\u00a0\n"]))
    reviews = draw(st.lists(st.lists(part).map(between.join), max_size=4))
    return Vocabulary(dict(zip(terms, draw(st.permutations(columns)), strict=False)), encoding), reviews


TERMS = {"good": 4, "not good": 5, "not": 6, "not so good": 7, "!": 8, "good so": 9}
OVERLAPPING = Vocabulary(TERMS, Encoding(10, None, None, longest_term=3, kept_punctuation="!"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
@example((OVERLAPPING, ["not good so", "not", "good", "", "so good"]))
@example((Vocabulary({}, Encoding()), ["good film", ""]))
def test_encoding_of_any_text_follows_the_definition(case: tuple[Vocabulary, list[str]]) -> None:
    check_against_definition(*case)


@pytest.mark.parametrize("count", range(1, len(ODD_WORDS) + 1))
def test_encoding_of_words_at_the_limits_of_blocks_follows_the_definition(count: int) -> None:
    terms = [*ODD_WORDS[:count], *map(" ".join, pairwise(ODD_WORDS[:count]))]
    encoding = Encoding(columns=4 + len(terms), longest_term=2)
    texts = [*ODD_WORDS, " ".join(ODD_WORDS), "x" * 18, "y" * 33, "y" * 48, "z" * 71, "", " "]
    check_against_definition(Vocabulary({term: 4 + i for i, term in enumerate(terms)}, encoding), texts)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33])
def test_word_that_begins_like_the_longest_term_is_unknown(size: int) -> None:
    vocabulary = Vocabulary({"x" * size: 4}, Encoding())
    known = [vocabulary.encode("x" * length).known_words for length in range(1, 100)]
    assert known == [length == size for length in range(1, 100)]


def test_vocabulary_with_terms_that_cannot_be_told_apart_is_rejected() -> None:
    """The keys of these words are equal, which does not happen by chance."""
    equal = ["cwaochmkazzzaaza", "qrurhckpnrqedzko"]
    for word in equal:
        assert Vocabulary({word: 4, "good": 5}, Encoding()).encode(word).columns.tolist() == [1, 4]
    with pytest.raises(ValueError, match=r"same key.*cwaochmkazzzaaza.*qrurhckpnrqedzko"):
        Vocabulary({equal[0]: 4, "good": 5, equal[1]: 6}, Encoding())


@given(st.lists(st.lists(st.sampled_from([*WORDS, "zebra"]), min_size=1), min_size=1, max_size=20))
def test_encode_equals_keras_tokenizer(reviews: list[list[str]]) -> None:
    """Keras's own Tokenizer, its ranks moved by 3 as `keras.datasets.imdb` does."""
    from keras.src.legacy.preprocessing.text import Tokenizer

    texts = [" ".join(tokens) for tokens in reviews]
    keras_tokenizer = Tokenizer(oov_token=None)
    keras_tokenizer.fit_on_texts(texts)
    index = {word: rank + 3 for word, rank in keras_tokenizer.word_index.items()}
    vocabulary = Vocabulary(index, Encoding(columns=len(index) + 4))
    for text, ranks in zip(texts, keras_tokenizer.texts_to_sequences(texts), strict=True):
        assert [index[token] for token in vocabulary.tokenise(text)] == [rank + 3 for rank in ranks]
        assert set(vocabulary.encode(text).columns.tolist()) == {1, *(rank + 3 for rank in ranks)}


def test_terms_may_share_a_column() -> None:
    vocabulary = Vocabulary({"film": 4, "movie": 4, "good": 5}, Encoding(columns=6, start_column=None))
    assert vocabulary.encode("good film, good movie").columns.tolist() == [4, 5]
    found = vocabulary.find([b"dull", b"good movie plot"])
    assert found.occurrences(1) == [("good", 5, 0, 0), ("movie", 4, 1, 1)]
    assert found.occurrences(1, np.array([4], np.int32)) == [("movie", 4, 1, 1)]
    assert (found.unknown(0), found.unknown(1)) == ([0], [2])


def test_vocabulary_reads_markup_as_its_encoding_says() -> None:
    text = "Not<br />good <i>film</i>"
    cases: list[tuple[Markup, list[int]]] = [("text", [4, 5, 7]), ("separator", [4, 5, 6])]
    for markup, columns in cases:
        encoding = Encoding(8, start_column=None, unknown_column=None, longest_term=2, markup=markup)
        vocabulary = Vocabulary({"film": 4, "good": 5, "not good": 6, "br": 7}, encoding)
        assert vocabulary.encode(text).columns.tolist() == columns
        assert [text[token.start : token.end] for token in vocabulary.locate(text)] == (
            ["Not", "good", "film"] if markup == "separator" else ["Not", "br", "good", "i", "film", "i"]
        )


def test_vocabulary_of_100_000_terms_finds_each_of_them() -> None:
    """Among them, 300 first words with 300 continuations each."""
    terms = [f"a{i} b{j}" for i in range(300) for j in range(300)] + [f"a{i} b{i % 300} c" for i in range(10_000)]
    vocabulary = Vocabulary({term: 4 + i for i, term in enumerate(terms)}, Encoding(columns=100_004, longest_term=3))
    found = vocabulary.find([" x ".join([*terms[::7], ""]).encode()])
    assert {occurrence.term for occurrence in found.occurrences()} >= set(terms[::7])
    assert all(vocabulary.word_index[each.term] == each.column for each in found.occurrences())
    assert len(found.unknown()) == len(terms[::7])  # nothing but the x's
