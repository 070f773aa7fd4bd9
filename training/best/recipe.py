"""The constants of the recipe `best`, and its variants for experiments."""

from dataclasses import dataclass, replace
from typing import ClassVar

from app.inference.vocabulary import Encoding
from training.network import FULL, scaled_counts


@dataclass(frozen=True)
class Best:
    """The constants of the recipe that were tuned; docs/explanation/training.md says how.

    Attributes:
        min_sentences: Sentences that a term must occur in.
        name_share: A word that is capitalised in more of its uses within sentences is a name. Names get no column:
            they say something about the films of the training set alone.
        review_penalty: L2 penalty of the linear model of reviews.
        sentence_penalty: L2 penalty of the linear model of sentences.
        ratio_exponent: In the model of sentences, terms are scaled by their log-count ratios to the power of this.
        min_ratio: No ratio counts as closer to 0 than this, so that no term is lost.
        stop_scale: Scale of stop words in the model of sentences: next to 0, so that they get no weight.
        teacher_iterations: Maximum iterations of L-BFGS for each linear model.
        teacher_folds: Parts of the reviews for out-of-fold predictions of the linear models.
        length_exponent: A sentence's log-odds are multiplied by its number of words to the power of minus this. In
            long sentences words say the same thing twice, so their sum is too sure of itself.
        sharpness: A person is surer of a sentence than its review's label is; the log-odds are multiplied by this.
        sentence_share: Share of the sentence model in a span's target; the rest is the review's target.
        terms: Number of terms chosen by weight; those of the grammar come on top.
        own_columns: Columns with a single term, for the most important terms.
        polar_weight: Words with at least this weight can be negated, beside those of the lexicon.
        strong_weight: Of these, words with more weight than this count as strong, such as "superb".
        polar_reviews: Reviews that such a word must occur in, and a word of the lexicon to get its own column.
        own_negation_reviews: A negation that occurs in at least this many reviews has its own column.
        spans: Spans per review in the training set.
        span_lengths: Their lengths in sentences are drawn from these.
        phrases: Number of made-up phrases.
        phrase_repeats: Copies of each, none of them with term dropout.
        hidden_units: Width of the hidden layer.
        term_dropout: Share of each row's columns that is left out, drawn anew in each epoch.
        dropout: Share of hidden outputs that is left out.
        learning_rate: Adam's, falling to 0 along a cosine.
        batch_size: Rows per step.
        epochs: Passes over the training set.
        validation: Labelled reviews that are held out at a time.
        folds: How many times that is done, with different reviews, for calibration and uncertainty.
        seed: Of everything random; the default is that of the shipped bundle.
    """

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

    min_sentences: int = 5
    name_share: float = 0.6
    review_penalty: float = 1e-6
    sentence_penalty: float = 1e-5
    ratio_exponent: float = 0.5
    min_ratio: float = 1e-3
    stop_scale: float = 1e-9
    teacher_iterations: int = 60
    teacher_folds: int = 3
    length_exponent: float = 0.35
    sharpness: float = 2.5
    sentence_share: float = 0.7
    terms: int = 66_000
    own_columns: int = 5_000
    polar_weight: float = 0.5
    strong_weight: float = 0.8
    polar_reviews: int = 50
    own_negation_reviews: int = 300
    spans: int = 3
    span_lengths: tuple[int, ...] = (1, 1, 1, 2, 3)
    phrases: int = 12_000
    phrase_repeats: int = 6
    hidden_units: int = 16
    term_dropout: float = 0.2
    dropout: float = 0.1
    learning_rate: float = 2e-3
    batch_size: int = 512
    epochs: int = 15
    validation: int = 5_000
    folds: int = 2
    seed: int = 1

    def scaled(self, reviews: int) -> "Best":
        """The recipe for a smaller training set."""
        if reviews >= FULL:
            return self
        share = reviews / FULL
        return replace(
            self,
            min_sentences=max(2, round(self.min_sentences * share)),
            phrases=round(self.phrases * share),
            **scaled_counts(self, reviews),
        )


VARIANTS = {
    "best": Best(),
    "without spans": Best(spans=0),
    "without phrases": Best(phrases=0),
    "one column for each of 9,000 terms": Best(terms=9_000, own_columns=10_000),
    "132,000 terms": Best(terms=132_000),
    "32 hidden units": Best(hidden_units=32),
}
"""What is changed -> the changed recipe."""
