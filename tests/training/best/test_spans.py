"""Spans of sentences, and what they say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from tests.training.best.corpora import RECIPE, corpus_of
from training.best.teachers import SentenceTeacher, Teaching
from training.best.training_set import draw_spans, span_targets, tokens_in

TEXTS = ["One one. Two two. Three three. Four four.", "...", "Five five."]


def test_spans_lie_within_the_reviews_that_are_used() -> None:
    corpus = corpus_of(TEXTS, [1, 0, 0], ["Six six. Seven seven."])
    starts, ends = draw_spans(corpus, np.array([0, 1, 3]), replace(RECIPE, spans=50, span_lengths=(1, 2, 3)))
    assert corpus.review_of[starts].tolist() == corpus.review_of[ends - 1].tolist() == [0] * 50 + [3] * 50
    assert set((ends - starts)[:50].tolist()) == {1, 2, 3}
    assert set((ends - starts)[50:].tolist()) == {1, 2}
    assert set(starts[:50].tolist()) == {0, 1, 2, 3}
    assert tokens_in(corpus, np.array([0]), np.array([2])) == [["one", "one", "two", "two"]]


def test_span_target_mixes_the_sentence_model_with_the_review() -> None:
    corpus = corpus_of(TEXTS, [1, 0, 0])
    teacher = SentenceTeacher(np.array([], np.float32), 0.5, np.array([1, 2, 0, 0, -3], np.float32))
    teaching = Teaching(np.array([1, 0, 0], np.float32), teacher, slope=2.0, shift=0.1)
    recipe = replace(RECIPE, length_exponent=0.5, sharpness=3.0, sentence_share=0.7)
    targets = span_targets(corpus, np.array([0, 4]), np.array([2, 5]), teaching, recipe)
    both = expit(3 * (2 * (1 + 2 + 0.5) / 4**0.5 + 0.1))  # two sentences of two words
    last = expit(3 * (2 * (-3 + 0.5) / 2**0.5 + 0.1))
    assert targets == pytest.approx([0.7 * both + 0.3, 0.7 * last])
