"""Sentences, terms and names."""

import numpy as np
import pytest

from tests.training.best.corpora import corpus_of
from training.best.corpus import count_terms, names_in, split_sentences
from training.errors import TrainingError


def test_sentences_end_at_marks_tags_and_lines() -> None:
    text = 'Bad! He said "no." (He left.)<br /><br />Good <i>film</i>, 3.5 of 5\n\nYes \n<br> '
    assert split_sentences(text) == ["Bad!", 'He said "no.', "(He left.)", "Good", "film", ", 3.5 of 5", "Yes"]


def test_names_are_words_that_are_capitalised_within_sentences() -> None:
    reviews = [["Zorbax and Anna’s friends met Zorbax.", "GREAT fun, said Anna’s dog."], ["It was GREAT, but I’m old."]]
    assert names_in(reviews, 0.6) == {"zorbax", "anna's"}
    assert names_in([["So Good, so good, so good."]], 0.3) == {"good"}
    assert names_in([["So Good, so good, so good."]], 0.4) == set()


def test_corpus_lists_what_occurs_in_sentences_and_reviews() -> None:
    corpus = corpus_of(["It was good. It was so good!", "It was bad."], [1, 0], ["It was good, and Zorbax saw it."])
    first, second, *_ = corpus.sentences
    assert (first, second) == (["it", "was", "good"], ["it", "was", "so", "good", "!"])
    assert corpus.review_of.tolist() == [0, 0, 1, 2]
    assert corpus.is_english
    assert (corpus.frequencies["good"], corpus.frequencies["it was"], corpus.frequencies["bad"]) == (2, 3, 1)
    assert not [term for term in corpus.terms if "zorbax" in term.split()]
    good = corpus.terms.tolist().index("good")
    assert corpus.by_sentence[:, [good]].toarray().ravel().tolist() == [1, 1, 0, 1]
    assert corpus.by_review[:, [good]].toarray().ravel().tolist() == [1, 0, 1]
    assert list(corpus.frequencies) == corpus.terms.tolist()
    assert corpus.words(np.array([0, 0]), np.array([1, 3])).tolist() == [3, 11]
    assert max(len(term.split()) for term in corpus.terms) == 3
    assert not corpus_of(["Ein wirklich guter Film mit Herz."], [1]).is_english
    with pytest.raises(TrainingError, match="no term occurs in several sentences"):
        count_terms([["a"], ["b"]], 2)


def test_corpus_has_no_term_that_is_too_long_for_a_word_index() -> None:
    assert max(map(len, corpus_of([f"It was {'x' * 2000} good."], [1]).terms)) < 100
