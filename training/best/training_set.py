"""The training set of the recipe `best`: whole reviews, spans of their sentences, and made-up phrases."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from app.model.vocabulary import Vocabulary
from training.best.corpus import Corpus, Indices, Matrix, Vector
from training.best.phrases import make_phrases
from training.best.recipe import Best
from training.best.teachers import Teaching, shortened
from training.network import encode


class TrainingSet(NamedTuple):
    """What the network is trained on."""

    rows: Matrix  # (372000, 10000), 1.0 where a column is on
    targets: Vector  # (372000,), in [0, 1]
    term_dropout: Vector  # (372000,), the share of each row's columns that is left out


def make_training_set(
    corpus: Corpus,
    known: Indices,
    teaching: Teaching,
    vocabulary: Vocabulary,
    misleading: NDArray[np.bool_],
    recipe: Best,
) -> TrainingSet:
    """Encode the labelled reviews at positions `known`, all unlabelled ones, their spans, and phrases.

    The columns `misleading`, bool (10000,), are switched off in reviews and spans, because what they mean is learned
    from the phrases alone.
    """
    used = np.concatenate([known, np.arange(len(corpus.labels), len(corpus.reviews))])  # (75000,)
    starts, ends = draw_spans(corpus, used, recipe)  # (225000,) each
    phrases: list[tuple[str, float]] = []
    if corpus.is_english and recipe.phrases:
        rng = random.Random(recipe.seed)  # noqa: S311  # no secret
        phrases = make_phrases(recipe.phrases, corpus.frequencies, rng)

    spans = [corpus.sentences[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    sequences = [corpus.reviews[i] for i in used]
    sequences += [[token for sentence in span for token in sentence] for span in spans]
    sequences += [vocabulary.tokenise(text) for text, _ in phrases]
    targets = [teaching.reviews[used], span_targets(corpus, starts, ends, teaching, recipe)]
    targets.append(np.array([target for _, target in phrases], np.float32))

    matrix = sparse_rows(vocabulary, sequences)
    others = matrix.shape[0] - len(phrases)
    without = matrix[:others] @ sparse.diags((~misleading).astype(np.float32))
    without.eliminate_zeros()
    matrix = sparse.vstack([without, matrix[others:]], format="csr")
    repeated = np.concatenate([np.arange(others), np.repeat(np.arange(others, matrix.shape[0]), recipe.phrase_repeats)])
    term_dropout = np.where(repeated < others, recipe.term_dropout, 0).astype(np.float32)
    return TrainingSet(matrix[repeated], np.concatenate(targets)[repeated], term_dropout)


def draw_spans(corpus: Corpus, used: Indices, recipe: Best) -> tuple[Indices, Indices]:
    """Draw spans, which are some consecutive sentences of a review, and teach the network what short texts say.

    Returns:
        int (225000,) each: the first sentence of each span, and the one after its last. A review without sentences has
        no spans, and no span is longer than its review.
    """
    rng = np.random.default_rng(recipe.seed)
    firsts = np.searchsorted(corpus.review_of, used)  # (75000,), each review's first sentence
    counts = np.searchsorted(corpus.review_of, used, "right") - firsts  # (75000,), its sentences
    shape = (len(used), recipe.spans)
    lengths = np.minimum(rng.choice(recipe.span_lengths, shape), counts[:, None])  # (75000, 3)
    starts = firsts[:, None] + (rng.random(shape) * (counts[:, None] - lengths + 1)).astype(int)  # (75000, 3)
    has_words = (lengths > 0).ravel()
    return starts.ravel()[has_words], (starts + lengths).ravel()[has_words]


def span_targets(corpus: Corpus, starts: Indices, ends: Indices, teaching: Teaching, recipe: Best) -> Vector:
    """What a person would say of spans, mixed with what their review is; float32 (spans,), in [0, 1]."""
    before = np.concatenate([[0], np.cumsum(teaching.sums, dtype=np.float64)])  # (sentences + 1,)
    odds = shortened(before[ends] - before[starts] + teaching.bias, corpus.words(starts, ends), recipe)
    opinion = expit(recipe.sharpness * (teaching.slope * odds + teaching.shift))
    share = recipe.sentence_share
    return np.asarray(share * opinion + (1 - share) * teaching.reviews[corpus.review_of[starts]], np.float32)


def sparse_rows(vocabulary: Vocabulary, sequences: Sequence[list[str]]) -> Matrix:
    """Encode texts that are tokens already; float32 (texts, columns), 1.0 in the columns that are on."""
    rows = encode(vocabulary, sequences)
    indices = np.concatenate([row.columns for row in rows])
    starts = np.concatenate([[0], np.cumsum([len(row.columns) for row in rows])])
    shape = (len(rows), vocabulary.encoding.columns)
    matrix = Matrix((np.ones(len(indices), np.float32), indices, starts), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
