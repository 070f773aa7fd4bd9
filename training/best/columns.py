"""The columns of the recipe `best`: which terms have a column of their own, and which share one."""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from app.model.vocabulary import Vocabulary
from training.best.corpus import STOP_WORDS, Corpus, Vector
from training.best.phrases import WORDS, Polarity, grammar_terms
from training.best.recipe import Best
from training.errors import TrainingError

LEXICON = {word: polarity for polarity, words in WORDS.items() for word in words}


class Columns:
    """Terms and their columns, of which there are `count`, and which are given out one after the other."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.index: dict[str, int] = {}  # term -> column
        self.used = 0  # columns that have been given out
        self._meanings: dict[Hashable, int] = {}

    def own(self, term: str) -> int:
        """Give a term the next column and return it; a term that has a column moves, and its old one stays empty."""
        self.index[term] = self.used
        self.used += 1
        return self.index[term]

    def share(self, term: str, meaning: Hashable) -> int:
        """Give a term the column of its meaning and return it; the first term of a meaning gets the next column."""
        if meaning not in self._meanings:
            self._meanings[meaning] = self.used
            self.used += 1
        self.index[term] = self._meanings[meaning]
        return self.index[term]


def choose_terms(corpus: Corpus, weights: Vector, recipe: Best) -> tuple[Vocabulary, NDArray[np.bool_]]:
    """Give the most important terms a column each; the others share columns with terms of about the same weight.

    `weights`, float32 (terms,), are those of the linear model of sentences. Also returns bool (10000,), the columns of
    negations whose review labels contradict a human reading.

    Raises:
        TrainingError: No term tells the classes apart.
    """
    columns = Columns(recipe.encoding.columns)
    misleading = np.zeros(columns.count, np.bool_)
    if corpus.is_english:
        add_lexicon(columns, corpus, recipe)
        misleading[add_grammar(columns, corpus, polar_words(corpus, weights, recipe), recipe)] = True
        for term in corpus.terms[np.isin(corpus.terms, list(STOP_WORDS))].tolist():
            columns.share(term, "stop word")
    add_important(columns, corpus, weights, recipe)
    if not columns.index:
        raise TrainingError(f"no term of {len(corpus.labels):,} training reviews tells the classes apart; add reviews")
    return Vocabulary(columns.index, recipe.encoding), misleading


def add_lexicon(columns: Columns, corpus: Corpus, recipe: Best) -> None:
    """Give the frequent words of the lexicon a column each; rare ones share a column by polarity."""
    for word, polarity in LEXICON.items():
        if corpus.frequencies.get(word, 0) >= recipe.polar_reviews:
            columns.own(word)
        else:
            columns.share(word, ("plain", polarity))


def polar_words(corpus: Corpus, weights: Vector, recipe: Best) -> dict[str, Polarity]:
    """The words that can be negated: frequent words of the corpus with a large weight, and the lexicon."""
    reviews = np.fromiter(corpus.frequencies.values(), np.intp)  # (terms,), the number of reviews with each term
    sizes = np.abs(weights)  # (terms,)
    found = {
        str(corpus.terms[i]): Polarity(bool(weights[i] > 0), bool(sizes[i] > recipe.strong_weight))
        for i in np.flatnonzero((sizes >= recipe.polar_weight) & (reviews >= recipe.polar_reviews))
    }
    return {word: polarity for word, polarity in found.items() if word.isalpha()} | LEXICON


def add_grammar(columns: Columns, corpus: Corpus, polarities: dict[str, Polarity], recipe: Best) -> list[int]:
    """Give the frequent terms of the grammar a column each; rare ones share a column by meaning.

    Returns the misleading columns, see `choose_terms`: of frequent negations, and of those of negative words.
    """
    misleading = []
    for term, (kind, polarity) in grammar_terms(polarities):
        is_frequent = corpus.frequencies.get(term, 0) >= recipe.own_negation_reviews
        column = columns.own(term) if is_frequent else columns.share(term, (kind, polarity))
        if kind == "negated" and (is_frequent or not polarity.positive):
            misleading.append(column)
    return misleading


def add_important(columns: Columns, corpus: Corpus, weights: Vector, recipe: Best) -> None:
    """Fill the other columns with the most important terms that have none, of which the first do not share."""
    share = np.asarray(corpus.by_sentence.mean(0)).ravel()  # (terms,), the share of sentences
    importance = np.abs(weights) * np.sqrt(share)  # (terms,), about the spread that a term gives to the score
    ranked = np.argsort(-importance, kind="stable")[: recipe.terms]
    left = np.array([i for i in ranked if importance[i] > 0 and corpus.terms[i] not in columns.index], np.intp)
    single = len(left) if columns.used + len(left) <= columns.count else max(recipe.own_columns - columns.used, 0)
    for i in left[:single]:
        columns.own(str(corpus.terms[i]))
    shared = left[single:]
    shared = shared[np.argsort(weights[shared], kind="stable")]  # runs of neighbours share a column
    reached = np.cumsum(importance[shared]) / importance[shared].sum()  # (shared terms,), in (0, 1]
    runs = columns.count - columns.used  # one per column that is left, each of about equal importance
    run_of = np.minimum((reached * runs).astype(np.intp), runs - 1)  # (shared terms,), ascending
    columns.index |= zip(corpus.terms[shared].tolist(), (columns.used + run_of).tolist(), strict=True)
