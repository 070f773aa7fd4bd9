"""Rows of reviews, spans and phrases."""

from dataclasses import replace

import numpy as np

from app.inference.vocabulary import Vocabulary
from tests.training.best.corpora import RECIPE, corpus_of
from training.best.corpus import Corpus
from training.best.teachers import SentenceTeacher, Teaching
from training.best.training_set import TrainingSet, make_training_set, sparse_rows

TEXTS = ["It was not bad. It was good.", "It was bad. The film was not good."]
VOCABULARY = Vocabulary({"good": 0, "bad": 1, "not bad": 2, "this isn't": 2, "film": 3, "it was": 3}, RECIPE.encoding)


def made(corpus: Corpus, phrases: int) -> TrainingSet:
    teacher = SentenceTeacher(np.array([], np.float32), 0.0, np.zeros(len(corpus.sentences), np.float32))
    teaching = Teaching(np.array([1, 0], np.float32), teacher, slope=1.0, shift=0.0)
    misleading = np.zeros(RECIPE.encoding.columns, np.bool_)
    misleading[2] = True
    recipe = replace(RECIPE, spans=2, phrases=phrases, phrase_repeats=3, term_dropout=0.25)
    return make_training_set(corpus, np.array([0, 1]), teaching, VOCABULARY, misleading, recipe)


def test_misleading_columns_are_on_in_phrases_only() -> None:
    rows, targets, dropout = made(corpus_of(TEXTS, [1, 0]), phrases=500)
    others = 2 + 4  # reviews and spans
    assert rows.shape[0] == len(targets) == len(dropout) == others + 3 * 500
    on = rows[:, [2]].toarray().ravel()
    assert not on[:others].any()
    assert on[others:].any()
    assert on[others:].tolist() == np.repeat(on[others::3], 3).tolist()
    assert dropout.tolist() == [0.25] * others + [0] * 3 * 500
    assert targets[:2].tolist() == [1, 0]


def test_training_set_without_phrases_or_in_another_language_has_none() -> None:
    corpus = corpus_of(TEXTS, [1, 0])
    assert made(corpus, phrases=0).rows.shape[0] == 6
    assert made(replace(corpus, is_english=False), phrases=500).rows.shape[0] == 6


def test_sparse_rows_equal_dense_ones() -> None:
    texts = [text.lower().replace(".", "").split() for text in TEXTS]
    dense = VOCABULARY.multi_hot([VOCABULARY.encode_tokens(tokens) for tokens in texts])
    assert np.array_equal(sparse_rows(VOCABULARY, texts).toarray(), dense)
    assert dense.sum() > 0
