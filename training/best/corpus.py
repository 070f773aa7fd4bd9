"""The corpus of the recipe `best`: reviews cut into sentences, and the terms that occur in them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from app.model.text import SENTENCE_END
from app.model.vocabulary import MAX_TERM_BYTES
from training.best.recipe import Best
from training.dataset import Dataset, tokens_of
from training.errors import TrainingError

Matrix: TypeAlias = sparse.csr_matrix
Vector: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.intp]

WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019])*")

STOP_WORDS = (ENGLISH_STOP_WORDS | {"film", "films", "movie", "movies", "it's", "i'm", "i've", "that's", "there's"}) - {
    *("not", "no", "never", "nothing", "nor", "cannot", "without", "hardly", "neither", "none", "nobody", "nowhere"),
    *("but", "yet", "however", "very", "too", "well", "only", "enough", "least", "most", "should", "would", "could"),
}
"""Words that say nothing about a film by themselves. They tell how people write, which differs between sources, so they
share one column. Terms of several words may contain them."""
STOP_SHARE = 0.2
"""English texts have at least this share of stop words."""


@dataclass(frozen=True)
class Corpus:
    """Labelled reviews, then unlabelled ones, cut into sentences."""

    reviews: Sequence[list[str]]  # the tokens of each review
    labels: Vector  # (25000,)
    sentences: Sequence[list[str]]  # the tokens of each sentence, 960,000 in all, in the order of the reviews
    review_of: Indices  # (sentences,), the review that each sentence belongs to
    terms: NDArray[np.str_]  # (650000,), those of one to three tokens that are frequent enough and contain no name
    by_sentence: Matrix  # (sentences, terms), 1.0 where a term occurs
    by_review: Matrix  # (75000, terms), the same for whole reviews
    frequencies: dict[str, int]  # term -> number of reviews that contain it, in the order of `terms`
    is_english: bool  # so that stop words, names and phrases apply
    words_before: Indices  # (sentences + 1,), the number of tokens before each sentence, and in all

    def words(self, starts: Indices, ends: Indices) -> Indices:
        """The number of tokens in spans of sentences, which begin at `starts` and end before `ends`; all (spans,)."""
        return np.asarray(self.words_before[ends] - self.words_before[starts])


def read_corpus(dataset: Dataset, recipe: Best, progress: Progress) -> Corpus:
    """Cut the reviews after the marks that end sentences, at HTML tags and at line ends, and find the terms.

    Raises:
        TrainingError: The data set has only words, or no term is frequent enough.
    """
    if dataset.train.texts is None:
        raise TrainingError(f"{dataset.name}: the recipe best needs raw reviews, not only words")
    texts = [*dataset.train.texts, *dataset.unlabelled]
    task = progress.add_task(f"finding the terms of {len(texts):,} reviews", total=None)
    parts = [[part for part in SENTENCE_END.split(text) if part.strip()] for text in texts]
    tokenised = [(review, tokens_of(part, recipe.encoding)) for review, cut in enumerate(parts) for part in cut]
    sentences = [tokens for _, tokens in tokenised if tokens]
    review_of = np.array([review for review, tokens in tokenised if tokens], np.intp)

    terms, by_sentence = count_terms(sentences, recipe.min_sentences)
    english = is_english(sentences)
    names = names_in(parts, recipe.name_share) if english else set()
    keep = np.array([names.isdisjoint(term.split(" ")) and len(term.encode()) <= MAX_TERM_BYTES for term in terms])
    terms, by_sentence = terms[keep], by_sentence[:, keep]
    members = (np.ones(len(sentences), np.float32), (review_of, np.arange(len(sentences))))
    by_review = Matrix(members, shape=(len(texts), len(sentences))) @ by_sentence
    by_review.data[:] = 1
    counted = np.asarray(by_review.sum(0)).ravel().astype(int)  # (terms,), the number of reviews with each term
    frequent = counted >= dataset.min_reviews
    terms, by_sentence, by_review = terms[frequent], by_sentence[:, frequent], by_review.tocsr()[:, frequent]
    if not len(terms):
        raise TrainingError(f"no term occurs in {dataset.min_reviews} training reviews; add reviews")
    progress.remove_task(task)
    return Corpus(
        [*dataset.train.sequences, *(tokens_of(text, recipe.encoding) for text in dataset.unlabelled)],
        dataset.train.labels,
        sentences,
        review_of,
        terms,
        by_sentence,
        by_review,
        dict(zip(terms.tolist(), counted[frequent].tolist(), strict=True)),
        english,
        np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])]),
    )


def count_terms(sentences: Sequence[list[str]], minimum: int) -> tuple[NDArray[np.str_], Matrix]:
    """Find the terms of one to three tokens that occur in at least `minimum` sentences, in alphabetical order.

    Returns str (terms,), and float32 (sentences, terms), 1.0 where a term occurs.

    Raises:
        TrainingError: There is no such term.
    """
    frequency = min(minimum, len(sentences))
    vectorizer = CountVectorizer(analyzer=terms_of, binary=True, dtype=np.float32, min_df=frequency)
    try:
        by_sentence = vectorizer.fit_transform(sentences)
    except ValueError as error:
        raise TrainingError("no term occurs in several sentences of the training reviews; add reviews") from error
    return vectorizer.get_feature_names_out(), by_sentence


def terms_of(tokens: Sequence[str]) -> Iterator[str]:
    """Every run of one to three tokens."""
    yield from tokens
    yield from (f"{a} {b}" for a, b in pairwise(tokens))
    yield from (f"{a} {b} {c}" for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False))


def is_english(sentences: Iterable[list[str]]) -> bool:
    """Whether the share of stop words is that of English texts."""
    counts = Counter(token for sentence in sentences for token in sentence)
    return sum(counts[word] for word in STOP_WORDS) > STOP_SHARE * counts.total()


def names_in(reviews: Iterable[Sequence[str]], share: float) -> set[str]:
    """Words that are capitalised in more than this share of their uses within the raw sentences of reviews."""
    uses: Counter[str] = Counter()
    capitalised: Counter[str] = Counter()
    for sentences in reviews:
        for sentence in sentences:
            for word in WORD.findall(sentence)[1:]:  # the first is always capitalised
                if len(word) == 1 or not word.isupper():  # people also SHOUT
                    plain = word.lower().replace("\u2019", "'")
                    uses[plain] += 1
                    capitalised[plain] += word[0].isupper()
    return {w for w, n in uses.items() if capitalised[w] > share * n and w != "i" and not w.startswith("i'")}
