"""Rows of reviews, spans and phrases, and what they teach."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from app.model.text import joined
from app.model.vocabulary import Vocabulary
from tests.training.best.corpora import RECIPE, corpus_of
from training.best.corpus import Corpus
from training.best.teachers import Teaching
from training.best.training_set import TrainingSet, draw_spans, make_training_set, span_targets, sparse_rows

TEXTS = ["It was not bad. It was good.", "It was bad. The film was not good."]
VOCABULARY = Vocabulary({"good": 0, "bad": 1, "not bad": 2, "this isn't": 2, "film": 3, "it was": 3}, RECIPE.encoding)
NUMBERS = ["One one. Two two. Three three. Four four.", "...", "Five five."]


def made(corpus: Corpus, phrases: int) -> TrainingSet:
    nothing = np.array([], np.float32), 0.0, np.zeros(len(corpus.sentences), np.float32)
    teaching = Teaching(np.array([1, 0], np.float32), *nothing, slope=1.0, shift=0.0)
    misleading = np.zeros(RECIPE.encoding.columns, np.bool_)
    misleading[2] = True
    recipe = replace(RECIPE, spans=2, phrases=phrases, phrase_repeats=3, term_dropout=0.25)
    return make_training_set(corpus, np.array([0, 1]), teaching, VOCABULARY, misleading, recipe)


def test_misleading_columns_are_on_in_phrases_only() -> None:
    corpus = corpus_of(TEXTS, [1, 0])
    rows, targets, dropout = made(corpus, phrases=500)
    others = 2 + 4  # reviews and spans
    assert rows.shape[0] == len(targets) == len(dropout) == others + 3 * 500
    on = rows[:, [2]].toarray().ravel()
    assert not on[:others].any()
    assert on[others:].any()
    assert on[others:].tolist() == np.repeat(on[others::3], 3).tolist()
    assert dropout.tolist() == [0.25] * others + [0] * 3 * 500
    assert targets[:2].tolist() == [1, 0]
    assert made(replace(corpus, is_english=False), phrases=500).rows.shape[0] == others


def test_sparse_rows_equal_dense_ones() -> None:
    texts = [text.lower().replace(".", "").split() for text in TEXTS]
    dense = VOCABULARY.multi_hot(VOCABULARY.find(list(map(joined, texts))).rows)
    assert np.array_equal(sparse_rows(VOCABULARY, texts).toarray(), dense)
    assert dense.sum() > 0


def test_spans_lie_within_the_reviews_that_are_used() -> None:
    corpus = corpus_of(NUMBERS, [1, 0, 0], ["Six six. Seven seven."])
    starts, ends = draw_spans(corpus, np.array([0, 1, 3]), replace(RECIPE, spans=50, span_lengths=(1, 2, 3)))
    assert corpus.review_of[starts].tolist() == corpus.review_of[ends - 1].tolist() == [0] * 50 + [3] * 50
    assert set((ends - starts)[:50].tolist()) == {1, 2, 3}
    assert set((ends - starts)[50:].tolist()) == {1, 2}
    assert set(starts[:50].tolist()) == {0, 1, 2, 3}


def test_span_target_mixes_the_sentence_model_with_the_review() -> None:
    corpus = corpus_of(NUMBERS, [1, 0, 0])
    sentences = np.array([], np.float32), 0.5, np.array([1, 2, 0, 0, -3], np.float32)
    teaching = Teaching(np.array([1, 0, 0], np.float32), *sentences, slope=2.0, shift=0.1)
    recipe = replace(RECIPE, length_exponent=0.5, sharpness=3.0, sentence_share=0.7)
    targets = span_targets(corpus, np.array([0, 4]), np.array([2, 5]), teaching, recipe)
    both = expit(3 * (2 * (1 + 2 + 0.5) / 4**0.5 + 0.1))  # two sentences of two words
    last = expit(3 * (2 * (-3 + 0.5) / 2**0.5 + 0.1))
    assert targets == pytest.approx([0.7 * both + 0.3, 0.7 * last])
