"""The vectoriser against its plain definition, against Keras's own encoding, and the word index's rules."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.inference.vocabulary import Encoding, Row, Vocabulary

WORDS = ["the", "film", "was", "good", "don't"]
BOOK = Encoding(columns=9)
VOCABULARY = Vocabulary({word: 4 + i for i, word in enumerate(WORDS)}, BOOK)
TERMS = Vocabulary(
    {"good": 4, "not good": 5, "not": 6, "not so good": 7, "!": 8, "good so": 9},
    Encoding(columns=10, start_column=None, unknown_column=None, longest_term=3, kept_punctuation="!"),
)
sentences = st.lists(st.sampled_from([*WORDS, "zebra", "not", "so", "!"]))


@given(sentences)
def test_encode_follows_the_definition(tokens: list[str]) -> None:
    tokens = [token for token in tokens if token != "!"]
    row = VOCABULARY.encode(" ".join(tokens))
    expected = [0.0] * 9
    expected[1] = 1.0
    for token in tokens:
        expected[4 + WORDS.index(token) if token in WORDS else 2] = 1.0
    assert VOCABULARY.multi_hot([row]).tolist() == [expected]
    assert row.words == len(tokens)
    assert row.known_words == sum(token in WORDS for token in tokens)


@given(sentences)
@example(["not", "good", "so"])  # two known terms that overlap
def test_encode_terms_follows_the_definition(tokens: list[str]) -> None:
    row = TERMS.encode(" ".join(tokens))
    found: list[int] = []
    covered: set[int] = set()
    for start in range(len(tokens)):
        for end in range(start + 1, min(start + 3, len(tokens)) + 1):
            if (column := TERMS.word_index.get(" ".join(tokens[start:end]))) is not None:
                found.append(column)
                covered.update(range(start, end))
    assert row.columns.tolist() == found
    assert row.known_words == len(covered)


@given(st.lists(sentences, max_size=5))
def test_multi_hot_keeps_order_and_shape(reviews: list[list[str]]) -> None:
    rows = [VOCABULARY.encode_tokens(tokens) for tokens in reviews]
    matrix = VOCABULARY.multi_hot(rows)
    assert matrix.shape == (len(rows), 9)
    assert matrix.dtype == np.float32
    for line, row in zip(matrix, rows, strict=True):
        assert sorted(set(row.columns.tolist())) == np.flatnonzero(line).tolist()


@given(st.lists(sentences.filter(bool), min_size=1, max_size=20))
def test_encode_equals_keras_tokenizer(reviews: list[list[str]]) -> None:
    """Keras's own Tokenizer, its ranks moved by 3 as `keras.datasets.imdb` does."""
    from keras.src.legacy.preprocessing.text import Tokenizer

    texts = [" ".join(tokens) for tokens in reviews]
    keras_tokenizer = Tokenizer(oov_token=None)
    keras_tokenizer.fit_on_texts(texts)
    index = {word: rank + 3 for word, rank in keras_tokenizer.word_index.items()}
    vocabulary = Vocabulary(index, Encoding(columns=len(index) + 4))
    for text, ranks in zip(texts, keras_tokenizer.texts_to_sequences(texts), strict=True):
        assert vocabulary.sequence(vocabulary.tokenise(text)) == [1, *(rank + 3 for rank in ranks)]
        assert set(vocabulary.encode(text).columns.tolist()) == {1, *(rank + 3 for rank in ranks)}


def test_by_frequency_ranks_by_count_then_alphabet() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 5, "d": 1})
    assert Vocabulary.by_frequency(counts, Encoding(columns=7)).word_index == {"c": 4, "a": 5, "b": 6}


def test_decode_returns_words_and_question_marks() -> None:
    sequence = VOCABULARY.sequence(["the", "film", "was", "zebra", "good"])
    assert sequence == [1, 4, 5, 6, 2, 7]
    assert VOCABULARY.decode(sequence) == "? the film was ? good"


def test_encode_without_words_turns_only_start_on() -> None:
    row = VOCABULARY.encode("...")
    assert row.columns.tolist() == [1]
    assert (row.words, row.known_words) == (0, 0)


def test_encode_of_less_than_the_longest_term_finds_the_short_ones() -> None:
    longest = "one of the very best films of the year"
    vocabulary = Vocabulary({longest: 4, "films": 5}, Encoding(columns=6, start_column=None, longest_term=9))
    for text, columns in ((longest, [4, 5]), ("best films of", [5, 2]), ("films", [5]), ("", [])):
        assert vocabulary.encode(text).columns.tolist() == columns


def test_multi_hot_of_nothing_is_empty() -> None:
    assert VOCABULARY.multi_hot([]).shape == (0, 9)
    assert VOCABULARY.multi_hot([Row(np.array([], np.int32), 0, 0)]).sum() == 0


@pytest.mark.parametrize(
    ("word_index", "message"),
    [
        ({"a": 3}, "outside 4 to 8"),
        ({"a": 9}, "outside 4 to 8"),
        ({"A": 4}, "could never be found"),
        ({"a b": 4}, "could never be found"),
        ({"": 4}, "could never be found"),
        ({"a!": 4}, "could never be found"),
    ],
)
def test_vocabulary_refuses_index(word_index: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary(word_index, BOOK)


def test_terms_may_share_a_column() -> None:
    vocabulary = Vocabulary({"film": 4, "movie": 4, "good": 5}, Encoding(columns=6, start_column=None))
    assert vocabulary.encode("good film, good movie").columns.tolist() == [5, 4, 5, 4]
    occurrences, unknown = vocabulary.occurrences(["good", "movie"])
    assert [(each.term, each.column) for each in occurrences] == [("good", 5), ("movie", 4)]
    assert unknown == []
    assert vocabulary.decode([4, 5]) == "film good"


def test_vocabulary_of_100_000_terms_finds_each_of_them() -> None:
    """Among them, 300 beginnings that go on in 300 ways each."""
    terms = [f"a{i} b{j}" for i in range(300) for j in range(300)] + [f"a{i} b{i % 300} c" for i in range(10_000)]
    vocabulary = Vocabulary({term: 4 + i for i, term in enumerate(terms)}, Encoding(columns=100_004, longest_term=3))
    found, unknown = vocabulary.occurrences([token for term in terms[::7] for token in (*term.split(), "x")])
    assert {occurrence.term for occurrence in found} >= set(terms[::7])
    assert all(vocabulary.word_index[occurrence.term] == occurrence.column for occurrence in found)
    assert len(unknown) == len(terms[::7])  # nothing but the x's
