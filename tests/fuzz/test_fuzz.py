"""Fuzz test: any encoding, terms and reviews for the vocabulary.

The examples are the same in each run. FUZZ_EXAMPLES=100000 tries that many others:

    FUZZ_EXAMPLES=100000 .venv/bin/python -m pytest tests/fuzz
"""

import os
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.model.vocabulary import Encoding, Vocabulary
from tests.model.test_text import any_text, plainly, with_surrogates
from tests.model.test_vocabulary import defined_columns

pytestmark = pytest.mark.slow

EXAMPLES = os.environ.get("FUZZ_EXAMPLES")


class Texts(NamedTuple):
    """A vocabulary, and reviews for it."""

    word_index: dict[str, int]
    encoding: Encoding
    reviews: list[str]


WORDS = ["good", "not", "so", "the", "don't", "été", "\ud800", "\U0001f600", "a"]


@st.composite
def texts(draw: st.DrawFn) -> Texts:
    """Any encoding, any terms that it allows, and reviews that contain many of them."""
    kept = draw(st.sampled_from(["", "!", "!?"]))
    longest = draw(st.integers(1, 4))
    tokens = [*WORDS, *kept, *plainly(draw(any_text), kept)]
    terms = draw(st.lists(st.lists(st.sampled_from(tokens), min_size=1, max_size=longest).map(" ".join), unique=True))
    reserved = draw(st.integers(0, 4))
    columns = range(reserved, reserved + len(terms) + draw(st.integers(1, 3)))
    own = st.none() | st.sampled_from(range(reserved)) if reserved else st.none()
    encoding = Encoding(
        columns=columns.stop,
        start_column=draw(own),
        unknown_column=draw(own),
        first_term_column=reserved,
        longest_term=longest,
        kept_punctuation=kept,
    )
    part = st.sampled_from([*tokens, *terms]) | any_text | with_surrogates
    between = draw(st.sampled_from([" ", "", "!", "\u2014", "\u00a0\n"]))
    reviews = draw(st.lists(st.lists(part).map(between.join), max_size=4))
    return Texts(dict(zip(terms, draw(st.permutations(columns)), strict=False)), encoding, reviews)


@settings(
    max_examples=int(EXAMPLES or "500"),
    derandomize=EXAMPLES is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(texts())
def test_vocabulary_of_any_text_follows_the_definition(case: Texts) -> None:
    vocabulary = Vocabulary(case.word_index, case.encoding)
    rows = vocabulary.encode_batch([vocabulary.clean(review) for review in case.reviews])
    matrix = np.zeros((len(rows), case.encoding.columns), np.float32)
    for line, row, review in zip(matrix, rows, case.reviews, strict=True):
        tokens = plainly(review, case.encoding.kept_punctuation)
        columns, known = defined_columns(tokens, case.word_index, case.encoding)
        for found in (row, vocabulary.encode(review)):
            assert (found.columns.tolist(), found.words, found.known_words) == (columns, len(tokens), known)
        line[columns] = 1.0
    assert np.array_equal(vocabulary.multi_hot(rows), matrix)
