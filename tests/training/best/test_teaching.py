"""What the network learns from: linear models, spans, and made-up phrases."""

import random
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from app.model.vocabulary import Vocabulary
from tests.training.best.corpora import RECIPE, corpus_of
from training.behaviour import TEMPLATE_WORDS
from training.best.corpus import Corpus
from training.best.phrases import WORDS, make_phrases
from training.best.recipe import Best
from training.best.teachers import Teaching, fit_linear, review_targets, teach
from training.best.training_set import TrainingSet, draw_spans, make_training_set, span_targets

TEXTS = [f"It was {word}, and the end was {word}. This is the plot." for word in ("superb", "awful")] * 6
LABELS = [1, 0] * 6
KNOWN = np.arange(len(TEXTS))
NUMBERS = ["One one. Two two. Three three. Four four.", "...", "Five five."]


def test_fit_linear_equals_scikit_learn_for_labels_and_equal_scales() -> None:
    rng = np.random.default_rng(0)
    matrix = sparse.csr_matrix((rng.random((200, 5)) < 0.4).astype(np.float32))
    labels = (rng.random(200) < 0.3 + 0.4 * matrix.toarray()[:, 0]).astype(np.float32)
    weights, bias = fit_linear(matrix, labels, 0.01, np.ones(5, np.float32), 200)
    expected = LogisticRegression(C=1 / (0.01 * 200), tol=1e-8).fit(matrix, labels)
    assert weights == pytest.approx(expected.coef_[0], abs=1e-3)
    assert bias == pytest.approx(expected.intercept_[0], abs=1e-3)


def test_review_targets_are_labels_where_known_and_predictions_elsewhere() -> None:
    corpus = corpus_of(TEXTS, LABELS, ["A superb plot.", "An awful plot."])
    folds = np.arange(len(corpus.reviews)) // 2 % Best.teacher_folds
    targets = review_targets(corpus, KNOWN[:8], folds, RECIPE)
    assert targets[:8].tolist() == LABELS[:8]
    assert 1 > targets[-2] > 0.5 > targets[-1] > 0


def test_teach_uses_neither_labels_nor_texts_that_are_held_out() -> None:
    corpus, known = corpus_of([*TEXTS, "It was zesty, and the end was zesty."], [*LABELS, 1]), KNOWN[:9]
    labels = corpus.labels.copy()
    labels[9:] = 1 - labels[9:]
    one, other = (teach(each, known, RECIPE) for each in (corpus, replace(corpus, labels=labels)))
    for part in Teaching._fields:
        assert np.array_equal(getattr(one, part), getattr(other, part)), part
    zesty = corpus.terms.tolist().index("zesty")
    assert one.weights[zesty] == 0
    assert teach(corpus, np.append(KNOWN, len(TEXTS)), RECIPE).weights[zesty] > 0


def test_teach_finds_polar_words_and_ignores_stop_words() -> None:
    corpus = corpus_of(TEXTS, LABELS)
    teaching = teach(corpus, KNOWN, RECIPE)
    weights = dict(zip(corpus.terms.tolist(), teaching.weights.tolist(), strict=True))
    assert weights["superb"] > 0.1
    assert weights["awful"] < -0.1
    assert abs(weights["the"]) < 1e-6
    assert teaching.slope > 0


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


def training_set(corpus: Corpus, vocabulary: Vocabulary) -> TrainingSet:
    """Of two reviews, their spans, and 500 phrases that occur three times; column 2 is misleading."""
    nothing = np.array([], np.float32), 0.0, np.zeros(len(corpus.sentences), np.float32)
    teaching = Teaching(np.array([1, 0], np.float32), *nothing, slope=1.0, shift=0.0)
    misleading = np.arange(RECIPE.encoding.columns) == 2
    recipe = replace(RECIPE, spans=2, phrases=500, phrase_repeats=3, term_dropout=0.25)
    return make_training_set(corpus, np.array([0, 1]), teaching, vocabulary, misleading, recipe)


def test_misleading_columns_are_on_in_phrases_only() -> None:
    texts = ["It was not bad. It was good.", "It was bad. The film was not good."]
    corpus = corpus_of(texts, [1, 0])
    index = {"good": 0, "bad": 1, "not bad": 2, "this isn't": 2, "film": 3, "it was": 3}
    vocabulary = Vocabulary(index, RECIPE.encoding)
    rows, targets, dropout = training_set(corpus, vocabulary)
    others = 2 + 4  # reviews and spans
    assert rows.shape[0] == len(targets) == len(dropout) == others + 3 * 500
    on = rows.toarray()
    expected = vocabulary.multi_hot(list(map(vocabulary.encode, texts)))
    assert np.array_equal(on[:2], np.where(np.arange(on.shape[1]) == 2, 0, expected))
    assert not on[:others, 2].any()
    assert on[others:, 2].any()
    assert on[others:, 2].tolist() == np.repeat(on[others::3, 2], 3).tolist()
    assert dropout.tolist() == [0.25] * others + [0] * 3 * 500
    assert targets[:2].tolist() == [1, 0]
    assert training_set(replace(corpus, is_english=False), vocabulary).rows.shape[0] == others


def test_phrases_do_not_contain_the_words_that_test_them() -> None:
    phrases = make_phrases(5_000, {"good": 10_000}, random.Random(0))
    words = {word for text, _ in phrases for word in text.replace(",", " ").replace("!", " ").split()}
    assert not words & {word for group in TEMPLATE_WORDS.values() for word in group}
    assert len(words & {word for group in WORDS.values() for word in group}) > 300
    assert make_phrases(5_000, {"good": 10_000}, random.Random(0)) == phrases


def test_phrases_say_what_a_person_would() -> None:
    targets = dict(make_phrases(50_000, {"good": 100_000, "bad": 100_000}, random.Random(0)))
    assert min(targets["good"], targets["not bad"]) > 0.8
    assert max(targets["bad"], targets["not good"]) < 0.2
