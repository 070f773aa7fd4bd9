"""Spans: some consecutive sentences of a review, which teach the network what short texts say."""

import numpy as np
from scipy.special import expit

from training.best.corpus import Corpus, Indices, Vector
from training.best.recipe import Best
from training.best.teachers import Teaching, shortened


def draw_spans(corpus: Corpus, used: Indices, recipe: Best) -> tuple[Indices, Indices]:
    """Draw spans anywhere in their review.

    Args:
        corpus: The reviews.
        used: int (75000,), positions of the reviews.
        recipe: Their number per review, their lengths, and the seed.

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


def tokens_in(corpus: Corpus, starts: Indices, ends: Indices) -> list[list[str]]:
    """The tokens of each span."""
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return [[token for sentence in corpus.sentences[start:end] for token in sentence] for start, end in spans]


def span_targets(corpus: Corpus, starts: Indices, ends: Indices, teaching: Teaching, recipe: Best) -> Vector:
    """What a person would say of spans, mixed with what their review is.

    Args:
        corpus: The reviews.
        starts: int (spans,); see `draw_spans`.
        ends: int (spans,).
        teaching: The model of sentences, and the targets of the reviews.
        recipe: How to mix them.

    Returns:
        float32 (spans,), in [0, 1].
    """
    before = np.concatenate([[0], np.cumsum(teaching.teacher.sums, dtype=np.float64)])  # (sentences + 1,)
    odds = shortened(before[ends] - before[starts] + teaching.teacher.bias, corpus.words(starts, ends), recipe)
    opinion = expit(recipe.sharpness * (teaching.slope * odds + teaching.shift))
    share = recipe.sentence_share
    return np.asarray(share * opinion + (1 - share) * teaching.reviews[corpus.review_of[starts]], np.float32)
