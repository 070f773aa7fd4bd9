"""Which terms have a column of their own, and which share one."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.best.corpora import RECIPE, corpus_of, foreign
from training.best.columns import (
    LEXICON,
    Columns,
    add_grammar,
    add_important,
    add_lexicon,
    choose_terms,
    equal_runs,
    polar_words,
)
from training.best.corpus import Corpus
from training.best.phrases import Polarity
from training.errors import TrainingError

GOOD, BAD = Polarity(positive=True, strong=False), Polarity(positive=False, strong=False)


def weights_of(corpus: Corpus, **weights: float) -> NDArray[np.float32]:
    return np.array([weights.get(term, 0) for term in corpus.terms], np.float32)


def test_columns_are_given_out_in_order() -> None:
    columns = Columns(10)
    assert [columns.own("a"), columns.share("b", "x"), columns.own("c"), columns.share("d", "x")] == [0, 1, 2, 1]
    assert columns.own("a") == 3  # it moves
    assert columns.used == 4
    assert columns.index == {"a": 3, "b": 1, "c": 2, "d": 1}


def test_lexicon_gives_frequent_words_a_column_and_the_others_one_per_polarity() -> None:
    corpus = corpus_of(["It is good.", "It is good and bad."], [1, 0])
    columns = Columns(1000)
    add_lexicon(columns, corpus, replace(RECIPE, polar_reviews=2))
    assert set(columns.index) == set(LEXICON)
    assert columns.index["fine"] == columns.index["nice"] != columns.index["good"]
    assert columns.index["bad"] == columns.index["poor"] != columns.index["terrible"]
    assert columns.used == 1 + 4


def test_polar_words_are_frequent_and_have_a_weight() -> None:
    corpus = corpus_of(["A zesty, soggy mix !", "A zesty, soggy mix !", "A rare zing."], [1, 0, 1])
    recipe = replace(RECIPE, polar_weight=0.5, strong_weight=0.8, polar_reviews=2)
    weights = weights_of(corpus, zesty=0.9, soggy=-0.6, mix=0.4, rare=2, **{"!": 2, "zesty soggy": 2})
    found = polar_words(corpus, weights, recipe)
    assert {word: found[word] for word in set(found) - set(LEXICON)} == {
        "zesty": Polarity(positive=True, strong=True),
        "soggy": Polarity(positive=False, strong=False),
    }
    assert found["good"] == GOOD


def test_grammar_returns_the_columns_that_reviews_would_teach_wrongly() -> None:
    corpus = corpus_of(["It is not good.", "It is not good. It is not fine. Not bad."], [1, 0])
    columns = Columns(1000)
    misleading = set(add_grammar(columns, corpus, {"good": GOOD, "bad": BAD}, replace(RECIPE, own_negation_reviews=2)))
    index = columns.index
    assert index["not good"] in misleading  # frequent: people write it for the sake of a contrast
    assert index["not bad"] == index["never bad"] in misleading
    assert index["never good"] not in misleading
    assert index["film is good"] not in misleading
    assert len({index["not good"], index["never good"], index["never bad"], index["film is good"]}) == 4


def test_equal_runs_share_the_importance_evenly() -> None:
    assert equal_runs(np.array([1, 1, 1, 1, 2, 2], np.float32), 4).tolist() == [0, 1, 1, 2, 3, 3]
    rng = np.random.default_rng(0)
    importance = rng.random(1000).astype(np.float32)
    runs = equal_runs(importance, 10)
    assert np.all(np.diff(runs) >= 0)
    assert np.bincount(runs, importance) == pytest.approx(np.full(10, importance.sum() / 10), abs=1)
    assert equal_runs(np.array([], np.float32), 10).tolist() == []


def test_important_terms_have_a_column_each_if_there_are_enough() -> None:
    corpus = foreign(corpus_of(["a b c d e f"], [1]))
    weights = weights_of(corpus, a=5, b=-4, c=1, d=-2, e=1.1, f=0.001)
    columns = Columns(5)
    columns.own("b")
    add_important(columns, corpus, weights, replace(RECIPE, own_columns=2, terms=5))
    assert columns.index == {"b": 0, "a": 1, "d": 2, "e": 3, "c": 4}


def test_important_terms_with_similar_weights_share_columns_if_there_are_too_few() -> None:
    corpus = foreign(corpus_of(["a b c d e f"], [1]))
    weights = weights_of(corpus, a=5, b=-4, c=1, d=-1, e=1.1, f=0.001)
    columns = Columns(4)
    columns.own("b")
    add_important(columns, corpus, weights, replace(RECIPE, own_columns=2, terms=5))
    assert columns.index == {"b": 0, "a": 1, "d": 2, "c": 3, "e": 3}


def test_terms_of_an_english_corpus_include_the_lexicon_and_one_column_of_stop_words() -> None:
    corpus = corpus_of(["This is the zesty one.", "This is the soggy one."], [1, 0])
    vocabulary, misleading = choose_terms(corpus, weights_of(corpus, zesty=1, soggy=-1), RECIPE)
    index = vocabulary.word_index
    assert index["this"] == index["the"] != index["zesty"]
    assert "superb" in index
    assert misleading[index["not bad"]]
    assert not misleading[index["zesty"]]


def test_no_term_with_a_weight_is_an_error() -> None:
    corpus = foreign(corpus_of(["a b c"], [1]))
    with pytest.raises(TrainingError, match="no term of 1 training reviews"):
        choose_terms(corpus, weights_of(corpus), RECIPE)
