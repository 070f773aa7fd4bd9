"""Which terms have a column of their own, and which share one."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.best.corpora import RECIPE, corpus_of
from training.best.columns import Columns, add_grammar, add_important, choose_terms
from training.best.corpus import Corpus, Vector
from training.best.phrases import Polarity
from training.errors import TrainingError

GOOD, BAD = Polarity(positive=True, strong=False), Polarity(positive=False, strong=False)


def weights_of(corpus: Corpus, **weights: float) -> Vector:
    return np.array([weights.get(term, 0) for term in corpus.terms], np.float32)


def test_english_columns_include_lexicon_negations_and_one_column_of_stop_words() -> None:
    corpus = corpus_of(["This is the zesty, good one.", "This is the soggy one. It is good and bad."], [1, 0])
    weights = weights_of(corpus, zesty=1, soggy=-1, one=0.1, **{"zesty good": 1})
    vocabulary, misleading = choose_terms(corpus, weights, replace(RECIPE, polar_reviews=2))
    index = vocabulary.word_index
    assert index["this"] == index["the"] != index["zesty"]
    assert index["fine"] == index["nice"] != index["good"]  # rare words of a polarity share a column
    assert index["bad"] == index["poor"] != index["terrible"]
    assert misleading[index["not bad"]]
    assert not misleading[index["zesty"]]
    assert "not zesty" not in index  # it occurs in one review
    index = choose_terms(corpus, weights, replace(RECIPE, polar_reviews=1))[0].word_index
    assert {"not zesty", "not soggy"} < set(index)
    assert not {"not one", "not zesty good"} & set(index)  # of little weight, and not a word


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
    assert index["film is good"] == index["but it's good"]


@pytest.mark.parametrize(("count", "c"), [(5, 4), (4, 3)], ids=["enough columns", "too few"])
def test_important_terms_share_columns_by_weight_if_there_are_too_few(count: int, c: int) -> None:
    corpus = corpus_of(["a b c d e f"], [1])
    columns = Columns(count)
    columns.own("b")
    weights = weights_of(corpus, a=5, b=-4, c=1, d=-2, e=1.1, f=0.001)
    add_important(columns, corpus, weights, replace(RECIPE, own_columns=2, terms=5))
    assert columns.index == {"b": 0, "a": 1, "d": 2, "e": 3, "c": c}


def test_no_term_with_a_weight_is_an_error() -> None:
    corpus = replace(corpus_of(["a b c"], [1]), is_english=False)
    with pytest.raises(TrainingError, match="no term of 1 training reviews"):
        choose_terms(corpus, weights_of(corpus), RECIPE)
