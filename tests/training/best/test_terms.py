"""Sentences, terms and names, and which terms have a column of their own or share one."""

from dataclasses import replace

import numpy as np
import pytest

from tests.training.best.corpora import RECIPE, corpus_of
from training.best.columns import Columns, add_grammar, add_important, choose_terms
from training.best.corpus import Corpus, Vector, count_terms, names_in
from training.best.phrases import Polarity
from training.errors import TrainingError

GOOD, BAD = Polarity(positive=True, strong=False), Polarity(positive=False, strong=False)


def weights_of(corpus: Corpus, **weights: float) -> Vector:
    return np.array([weights.get(term, 0) for term in corpus.terms], np.float32)


def test_sentences_end_at_marks_tags_and_lines() -> None:
    text = 'Bad! He said "no." (He left.)<br /><br />Good <i>film</i>, 3.5 of 5\n\nYes \n<br> '
    sentences = [" ".join(tokens) for tokens in corpus_of([text], [1]).sentences]
    assert sentences == ["bad !", "he said no", "he left", "good", "film", "3 5 of 5", "yes"]


def test_names_are_words_that_are_capitalised_within_sentences() -> None:
    reviews = [["Zorbax and Anna’s friends met Zorbax.", "GREAT fun, said Anna’s dog."], ["It was GREAT, but I’m old."]]
    assert names_in(reviews, 0.6) == {"zorbax", "anna's"}
    assert names_in([["So Good, so good, so good."]], 0.3) == {"good"}
    assert names_in([["So Good, so good, so good."]], 0.4) == set()


def test_corpus_lists_what_occurs_in_sentences_and_reviews() -> None:
    unlabelled = f"It was good, and Zorbax saw it {'x' * 2000}."  # a name, and a word that is too long
    corpus = corpus_of(["It was good. It was so good!", "It was bad."], [1, 0], [unlabelled])
    first, second, *_ = corpus.sentences
    assert (first, second) == (["it", "was", "good"], ["it", "was", "so", "good", "!"])
    assert corpus.review_of.tolist() == [0, 0, 1, 2]
    assert corpus.is_english
    assert not corpus_of(["Ein wirklich guter Film mit Herz."], [1]).is_english
    assert (corpus.frequencies["good"], corpus.frequencies["it was"], corpus.frequencies["bad"]) == (2, 3, 1)
    assert list(corpus.frequencies) == corpus.terms.tolist()
    assert not [term for term in corpus.terms if "zorbax" in term.split() or "x" * 2000 in term]
    assert max(len(term.split()) for term in corpus.terms) == 3
    good = corpus.terms.tolist().index("good")
    assert corpus.by_sentence[:, [good]].toarray().ravel().tolist() == [1, 1, 0, 1]
    assert corpus.by_review[:, [good]].toarray().ravel().tolist() == [1, 0, 1]
    assert corpus.words(np.array([0, 0]), np.array([1, 3])).tolist() == [3, 11]
    with pytest.raises(TrainingError, match="no term occurs in several sentences"):
        count_terms([["a"], ["b"]], 2)


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
    assert not {index["never good"], index["film is good"]} & misleading
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
