"""The constants of the recipe `best`, and its variants for experiments."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from app.model.vocabulary import Encoding
from training.network import FULL, Recipe


@dataclass(frozen=True)
class Best(Recipe):
    """The constants of the recipe that were tuned; docs/explanation/training.md says how."""

    name: ClassVar[str] = "best"
    # No start column, since the bias does its work, and none for unknown words, which say nothing.
    encoding: ClassVar[Encoding] = Encoding(
        start_column=None,
        unknown_column=None,
        first_term_column=0,
        longest_term=3,
        kept_punctuation="!?",
        markup="separator",
    )
    reads_unlabelled: ClassVar[bool] = True

    # Terms
    min_sentences: int = 5  # sentences that a term must occur in
    # A word that is capitalised in more of its uses within sentences is a name. Names get no column: they say something
    # about the films of the training set alone.
    name_share: float = 0.6

    # Linear models of reviews and of sentences
    review_penalty: float = 1e-6  # L2
    sentence_penalty: float = 1e-5  # L2
    ratio_exponent: float = 0.5  # terms of sentences are scaled by their log-count ratios to the power of this
    min_ratio: float = 1e-3  # no ratio counts as closer to 0, so that no term is lost
    stop_scale: float = 1e-9  # of stop words in the model of sentences: next to 0, so that they get no weight
    teacher_iterations: int = 60  # maximum of L-BFGS for each model
    teacher_folds: int = 3  # parts of the reviews for out-of-fold predictions

    # Targets of spans
    # A sentence's log-odds are multiplied by its number of words to the power of minus this: in long sentences words
    # say the same thing twice, so their sum is too sure of itself.
    length_exponent: float = 0.35
    sharpness: float = 2.5  # multiplies the log-odds: a person is surer of a sentence than its review's label is
    sentence_share: float = 0.7  # of the sentence model in a span's target; the rest is the review's target

    # Columns
    terms: int = 66_000  # chosen by weight; those of the grammar come on top
    own_columns: int = 5_000  # with a single term, for the most important terms
    polar_weight: float = 0.5  # words with at least this weight can be negated, beside those of the lexicon
    strong_weight: float = 0.8  # of these, words with more weight count as strong, such as "superb"
    polar_reviews: int = 50  # that such a word must occur in, and a word of the lexicon to get its own column
    own_negation_reviews: int = 300  # that a negation must occur in to get its own column

    # Training set
    spans: int = 3  # per review
    span_lengths: tuple[int, ...] = (1, 1, 1, 2, 3)  # in sentences, drawn from these
    phrases: int = 12_000  # made-up ones
    phrase_repeats: int = 6  # copies of each, none of them with term dropout

    # Network
    hidden_units: int = 16
    term_dropout: float = 0.2  # share of each row's columns that is left out, drawn anew in each epoch
    dropout: float = 0.1  # share of hidden outputs that is left out
    learning_rate: float = 2e-3  # Adam's, falling to 0 along a cosine
    batch_size: int = 512  # rows per step
    epochs: int = 15
    validation: int = 5_000  # labelled reviews that are held out at a time
    folds: int = 2  # how many times, with different reviews, for calibration and uncertainty
    seed: int = 1  # of everything random; the default is that of the shipped bundle

    def scaled(self, reviews: int) -> Self:
        """Also with fewer phrases, and with terms that occur in fewer sentences."""
        share = min(reviews / FULL, 1)
        sentences, phrases = max(2, round(self.min_sentences * share)), round(self.phrases * share)
        return replace(super().scaled(reviews), min_sentences=sentences, phrases=phrases)


VARIANTS = {
    "best": Best(),
    "without spans": Best(spans=0),
    "without phrases": Best(phrases=0),
    "one column for each of 9,000 terms": Best(terms=9_000, own_columns=10_000),
    "132,000 terms": Best(terms=132_000),
    "32 hidden units": Best(hidden_units=32),
}
"""What is changed -> the changed recipe."""
