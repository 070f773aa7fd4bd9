"""The recipe `best`: a small network that learns from large linear models, on whole reviews and on sentences.

The network is as small as the book's, but its 10,000 columns hold some 100,000 terms of one to three words, of which
those with similar weights share a column; and it learns from 75,000 reviews, of which only a third are labelled. Read
`train` first. Shapes are those of the IMDB reviews.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from math import ceil
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.linear_model import LogisticRegression

from app.evaluation.metrics import HeldOut
from app.evaluation.uncertainty import fit_rule
from app.inference.runtimes import import_tensorflow
from app.inference.text import TAG
from app.inference.vocabulary import Encoding, Row, Vocabulary
from training.dataset import Dataset, has_both_classes, tokens_of
from training.errors import TrainingError
from training.network import (
    FULL,
    History,
    Network,
    TrainedModel,
    accuracy,
    build,
    encode,
    fit,
    fix_seed,
    predict,
    scaled_counts,
)
from training.phrases import WORDS, Polarity, grammar_terms, make_phrases

tf = import_tensorflow()

Matrix: TypeAlias = sparse.csr_matrix
Vector: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Best:
    """The constants of the recipe that were tuned; docs/explanation/training.md says how.

    Attributes:
        min_sentences: Sentences that a term must occur in.
        name_share: A word that is capitalised in more of its uses within sentences is a name. Names get no column:
            they say something about the films of the training set alone.
        review_penalty: L2 penalty of the linear model of reviews.
        sentence_penalty: L2 penalty of the linear model of sentences.
        teacher_folds: Parts of the reviews for out-of-fold predictions of the linear models.
        length_exponent: A sentence's log-odds are multiplied by its number of words to the power of minus this. In
            long sentences words say the same thing twice, so their sum is too sure of itself.
        sharpness: A person is surer of a sentence than its review's label is; the log-odds are multiplied by this.
        sentence_share: Share of the sentence model in a span's target; the rest is the review's target.
        terms: Number of terms chosen by weight; those of the grammar come on top.
        own_columns: Columns with a single term, for the most important terms.
        polar_weight: Words with at least this weight can be negated, beside those of the lexicon.
        polar_reviews: Reviews that such a word must occur in.
        own_negation_reviews: A negation that occurs in more reviews has its own column.
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
        seed: Of everything random.
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
    teacher_folds: int = 3
    length_exponent: float = 0.35
    sharpness: float = 2.5
    sentence_share: float = 0.7
    terms: int = 66_000
    own_columns: int = 5_000
    polar_weight: float = 0.5
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
    seed: int = 0

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


def train(dataset: Dataset, recipe: Best, progress: Progress) -> TrainedModel:
    """Train twice with reviews held out, to calibrate and to learn what is uncertain, then on all reviews."""
    fix_seed(recipe.seed)
    corpus = read_corpus(dataset, recipe, progress)
    held_out: list[HeldOut] = []
    history: History = {}
    for fold in range(recipe.folds):
        known, aside = hold_out(corpus, recipe, fold)  # (20000,), (5000,)
        vocabulary, network, run = _train(corpus, known, recipe, progress, aside)
        history = history or run
        rows = encode(vocabulary, [dataset.train.sequences[i] for i in aside])
        held_out.append(HeldOut.of(predict(network, vocabulary, rows), corpus.labels[aside], rows))
    together = HeldOut(*map(np.concatenate, zip(*map(astuple, held_out), strict=True)))  # (10000,) each

    vocabulary, network, _ = _train(corpus, np.arange(len(corpus.labels)), recipe, progress)
    # Platt scaling (Platt 1999; Guo et al., ICML 2017), folded into the last layer: every runtime gives calibrated
    # probabilities.
    scores = logit(np.clip(together.probabilities.astype(np.float64), 1e-7, 1 - 1e-7))[:, None]  # (10000, 1)
    scaling = LogisticRegression().fit(scores, together.labels)
    weights, bias = network.layers[-1].get_weights()  # (16, 1), (1,)
    slope, shift = scaling.coef_[0, 0], scaling.intercept_[0]
    network.layers[-1].set_weights([weights * slope, bias * slope + shift])
    together = replace(together, probabilities=scaling.predict_proba(scores)[:, 1].astype(np.float32))
    return TrainedModel(vocabulary, network, recipe.epochs, history, recipe.validation, together, fit_rule(together))


def validate(dataset: Dataset, recipe: Best, progress: Progress) -> History:
    """Train with the first part of the reviews held out."""
    fix_seed(recipe.seed)
    corpus = read_corpus(dataset, recipe, progress)
    known, aside = hold_out(corpus, recipe, 0)
    return _train(corpus, known, recipe, progress, aside)[2]


def hold_out(corpus: "Corpus", recipe: Best, fold: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose reviews at random to hold out.

    Returns:
        Positions of the other labelled reviews, and of those held out.
    """
    order = np.random.default_rng(recipe.seed).permutation(len(corpus.labels))
    start = fold * recipe.validation
    aside = order[start : start + recipe.validation]
    known = np.setdiff1d(order, aside)
    if not all(has_both_classes(corpus.labels[part]) for part in (known, aside)):
        raise TrainingError(
            f"with {recipe.validation} of {len(order)} training reviews held out, one of the two parts has only "
            "positive or only negative reviews; add reviews of the rarer class"
        )
    return known, aside


# 1. The corpus: sentences, and the terms that occur in them


class Corpus(NamedTuple):
    """Labelled reviews, then unlabelled ones, cut into sentences.

    Attributes:
        reviews: The tokens of each review.
        labels: float32 (25000,).
        sentences: The tokens of each sentence, 960,000 in all, in the order of the reviews.
        review_of: int (sentences,), the review that each sentence belongs to.
        terms: str (650000,), every term of one to three tokens that is frequent enough and contains no name.
        by_sentence: float32 (sentences, terms), 1.0 where a term occurs.
        by_review: float32 (75000, terms), the same for whole reviews.
        frequencies: Term -> number of reviews that contain it, in the order of `terms`.
        is_english: Whether the reviews are in English, so that stop words, names and phrases apply.
    """

    reviews: Sequence[list[str]]
    labels: Vector
    sentences: Sequence[list[str]]
    review_of: NDArray[np.intp]
    terms: NDArray[np.str_]
    by_sentence: Matrix
    by_review: Matrix
    frequencies: dict[str, int]
    is_english: bool


SENTENCE_END = re.compile(rf"(?:\s*{TAG.pattern})+|(?<=[.!?])[\"')\]]*\s+|\n+", TAG.flags)
WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019])*")

STOP_WORDS = (ENGLISH_STOP_WORDS | {"film", "films", "movie", "movies", "it's", "i'm", "i've", "that's", "there's"}) - {
    *("not", "no", "never", "nothing", "nor", "cannot", "without", "hardly", "neither", "none", "nobody", "nowhere"),
    *("but", "yet", "however", "very", "too", "well", "only", "enough", "least", "most", "should", "would", "could"),
}
"""Words that say nothing about a film by themselves. They tell how people write, which differs between sources, so they
share one column. Terms of several words may contain them."""
STOP_SHARE = 0.2
"""English texts have at least this share of stop words."""


def read_corpus(dataset: Dataset, recipe: Best, progress: Progress) -> Corpus:
    """Cut the reviews into sentences and find the terms."""
    task = progress.add_task(
        f"finding the terms of {len(dataset.train) + len(dataset.unlabelled):,} reviews", total=None
    )
    if dataset.train.texts is None:
        raise TrainingError(f"{dataset.name}: the recipe best needs raw reviews, not only words")
    texts = [*dataset.train.texts, *dataset.unlabelled]
    parts = [SENTENCE_END.split(text) for text in texts]
    sentences: list[list[str]] = []
    review_of: list[int] = []
    for review, spans in enumerate(parts):
        for span in spans:
            if tokens := tokens_of(span or "", recipe.encoding):
                sentences.append(tokens)
                review_of.append(review)
    vectorizer = CountVectorizer(
        analyzer=_terms_of, binary=True, dtype=np.float32, min_df=min(recipe.min_sentences, len(sentences))
    )
    try:
        by_sentence = vectorizer.fit_transform(sentences)  # (sentences, 700000)
    except ValueError as error:
        raise TrainingError("no term occurs in several sentences of the training reviews; add reviews") from error
    terms = vectorizer.get_feature_names_out()
    counts = Counter(token for sentence in sentences for token in sentence)
    is_english = sum(counts[word] for word in STOP_WORDS) > STOP_SHARE * counts.total()
    if is_english:
        names = _names(parts, recipe.name_share)
        keep = np.array([names.isdisjoint(term.split(" ")) for term in terms])
        terms, by_sentence = terms[keep], by_sentence[:, keep]
    owners = np.array(review_of)
    ones = np.ones(len(owners), np.float32)
    by_review = Matrix((ones, (owners, np.arange(len(owners)))), shape=(len(texts), len(owners))) @ by_sentence
    by_review.data[:] = 1
    counted = np.asarray(by_review.sum(0)).ravel().astype(int)  # (terms,), the number of reviews with each term
    frequent = counted >= dataset.min_reviews
    terms, by_sentence, by_review = terms[frequent], by_sentence[:, frequent], by_review.tocsr()[:, frequent]
    frequencies = dict(zip(terms.tolist(), counted[frequent].tolist(), strict=True))
    if not len(terms):
        raise TrainingError(f"no term occurs in {dataset.min_reviews} training reviews; add reviews")
    reviews = [*dataset.train.sequences, *(tokens_of(text, recipe.encoding) for text in dataset.unlabelled)]
    progress.remove_task(task)
    labels = dataset.train.labels
    return Corpus(reviews, labels, sentences, owners, terms, by_sentence, by_review, frequencies, is_english)


def _terms_of(tokens: Sequence[str]) -> Iterator[str]:
    """Every run of one to three tokens."""
    yield from tokens
    yield from (f"{a} {b}" for a, b in pairwise(tokens))
    yield from (f"{a} {b} {c}" for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False))


def _names(parts: Sequence[Sequence[str]], share: float) -> set[str]:
    """Words that are capitalised in most of their uses within sentences."""
    uses: Counter[str] = Counter()
    capitalised: Counter[str] = Counter()
    for spans in parts:
        for span in spans:
            for word in WORD.findall(span or "")[1:]:  # the first is always capitalised
                if len(word) == 1 or not word.isupper():  # people also SHOUT
                    plain = word.lower().replace("\u2019", "'")
                    uses[plain] += 1
                    capitalised[plain] += word[0].isupper()
    return {w for w, n in uses.items() if capitalised[w] > share * n and w != "i" and not w.startswith("i'")}


# 2. The teachers: linear models that are too large to serve


class Teaching(NamedTuple):
    """What the network should learn.

    Attributes:
        reviews: float32 (75000,), targets; the label where it is known.
        weights: float32 (terms,), of the linear model of sentences.
        sentences: float32 (sentences,), out-of-fold sums of weights.
        bias: What is added to a sentence's sum.
        slope, shift: Calibrate a sentence's log-odds; see `span_targets`.
    """

    reviews: Vector
    weights: Vector
    sentences: Vector
    bias: float
    slope: float
    shift: float


def teach(corpus: Corpus, known: NDArray[np.intp], recipe: Best) -> Teaching:
    """Fit the linear models.

    Args:
        corpus: The reviews.
        known: Positions of the labelled reviews whose labels may be used; the other labelled reviews are left out.
        recipe: Penalties and folds.
    """
    count = len(corpus.reviews)
    used = np.zeros(count, np.bool_)  # (75000,)
    used[known] = True
    used[len(corpus.labels) :] = True

    # Reviews: logistic regression on terms scaled by their log-count ratios, rows of length 1 (Wang & Manning 2012).
    lengths = np.sqrt(np.maximum(corpus.by_review.getnnz(1), 1)).astype(np.float32)
    normed = (sparse.diags(1 / lengths) @ corpus.by_review).tocsr()

    def fit_reviews(rows: NDArray[np.intp]) -> Vector:
        scale = _nonzero(log_count_ratios(corpus.by_review[rows], corpus.labels[rows]))
        weights, bias = fit_linear(normed[rows], corpus.labels[rows], recipe.review_penalty, scale)
        return np.asarray(normed @ weights + bias, np.float32)  # (75000,), log-odds

    folds = np.random.default_rng(recipe.seed).integers(0, recipe.teacher_folds, count)  # (75000,)
    odds = np.zeros(count, np.float32)  # (75000,)
    for fold in range(recipe.teacher_folds):
        inside = known[folds[known] == fold]
        odds[inside] = fit_reviews(known[folds[known] != fold])[inside]
    calibrated = LogisticRegression().fit(odds[known, None], corpus.labels[known])
    targets = calibrated.predict_proba(fit_reviews(known)[:, None])[:, 1].astype(np.float32)  # (75000,)
    targets[known] = corpus.labels[known]

    # Sentences: what their review is, each review counting the same, however long it is.
    sentences_of = np.bincount(corpus.review_of, minlength=count)
    importance = (1 / sentences_of[corpus.review_of]).astype(np.float32)  # (sentences,)
    fold_of = folds[corpus.review_of]  # (sentences,)
    stop = np.isin(corpus.terms, list(STOP_WORDS)) if corpus.is_english else np.zeros(len(corpus.terms), np.bool_)
    models, sums = [], np.zeros(len(fold_of), np.float32)  # (sentences,)
    for fold in range(recipe.teacher_folds):
        rows = np.flatnonzero(used[corpus.review_of] & (fold_of != fold))
        matrix, wanted = corpus.by_sentence[rows], targets[corpus.review_of[rows]]
        ratios = log_count_ratios(matrix, wanted)
        scale = np.where(stop, np.float32(1e-9), np.sign(_nonzero(ratios)) * np.maximum(abs(ratios), 1e-3) ** 0.5)
        models.append(fit_linear(matrix, wanted, recipe.sentence_penalty, scale, importance[rows]))
        sums[fold_of == fold] = corpus.by_sentence[fold_of == fold] @ models[-1][0]
    weights = np.asarray(np.mean([w for w, _ in models], 0), np.float32)
    bias = float(np.mean([b for _, b in models]))

    sample = np.flatnonzero(np.isin(corpus.review_of, known))
    odds = _shortened(sums[sample] + bias, _words(corpus, sample, sample + 1), recipe)
    fitted = LogisticRegression().fit(odds[:, None], corpus.labels[corpus.review_of[sample]])
    return Teaching(targets, weights, sums, bias, float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def fit_linear(
    matrix: Matrix, targets: Vector, penalty: float, scale: Vector, importance: Vector | None = None
) -> tuple[Vector, float]:
    """Fit logistic regression to probabilities, which scikit-learn's takes no account of.

    Args:
        matrix: float32 (rows, terms).
        targets: float32 (rows,), in [0, 1].
        penalty: L2, of the weights before scaling.
        scale: float32 (terms,), multiplies each term's column; not 0.
        importance: float32 (rows,), weights of the rows.

    Returns:
        float32 (terms,), the weights for the columns as they are, and the bias.
    """
    importance = np.ones(len(targets), np.float32) if importance is None else importance
    importance = importance / importance.sum()
    scale, transposed = scale.astype(np.float32), matrix.T

    def loss_and_gradient(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = parameters[:-1].astype(np.float32), np.float32(parameters[-1])
        scores = matrix @ (weights * scale) + bias  # (rows,)
        loss = float(importance @ (np.logaddexp(0, scores) - targets * scores)) + penalty / 2 * float(weights @ weights)
        errors = (importance * (expit(scores) - targets)).astype(np.float32)  # (rows,)
        gradient = (transposed @ errors) * scale + np.float32(penalty) * weights  # (terms,)
        return loss, np.append(gradient, errors.sum()).astype(np.float64)

    start = np.zeros(matrix.shape[1] + 1)
    found = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 60, "maxcor": 8}).x
    return found[:-1].astype(np.float32) * scale, float(found[-1])


def log_count_ratios(matrix: Matrix, targets: Vector) -> Vector:
    """How much more often a term occurs in positive rows than in negative ones, with add-one smoothing; (terms,)."""
    positive, negative = matrix.T @ targets + 1, matrix.T @ (1 - targets) + 1
    ratios: Vector = np.log((positive / positive.sum()) / (negative / negative.sum())).astype(np.float32)
    return ratios


def _nonzero(ratios: Vector) -> Vector:
    return np.where(ratios == 0, np.float32(1e-6), ratios)


def _words(corpus: Corpus, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of tokens in spans of sentences; (spans,)."""
    totals = np.concatenate([[0], np.cumsum([len(sentence) for sentence in corpus.sentences])])
    return np.asarray(totals[ends] - totals[starts])


def _shortened(odds: NDArray[Any], words: NDArray[np.intp], recipe: Best) -> NDArray[Any]:
    return np.asarray(odds / words**recipe.length_exponent)


# 3. The terms and their columns


def choose_terms(corpus: Corpus, weights: Vector, recipe: Best) -> tuple[Vocabulary, NDArray[np.bool_]]:
    """Give the most important terms a column each; the others share columns with terms of about the same weight.

    Args:
        corpus: The terms and where they occur.
        weights: float32 (terms,), of the linear model of sentences.
        recipe: How many terms and columns.

    Returns:
        The vocabulary; and bool (10000,), the columns of negations of which reviews say the opposite of a person.
    """
    frequencies = corpus.frequencies
    reviews = np.fromiter(frequencies.values(), np.intp)  # (terms,), the number of reviews with each term
    share = np.asarray(corpus.by_sentence.mean(0)).ravel()  # (terms,), the share of sentences
    importance = np.abs(weights) * np.sqrt(share)  # about the spread that a term gives to the score
    index: dict[str, int] = {}
    meanings: dict[Any, int] = {}
    next_column = 0
    misleading = np.zeros(recipe.encoding.columns, np.bool_)

    def own_column(term: str) -> None:
        nonlocal next_column
        index[term] = next_column
        next_column += 1

    def shared_column(term: str, meaning: Any) -> None:
        nonlocal next_column
        if meaning not in meanings:
            meanings[meaning] = next_column
            next_column += 1
        index[term] = meanings[meaning]

    if corpus.is_english:
        lexicon = {word: polarity for polarity, words in WORDS.items() for word in words}
        for word, polarity in lexicon.items():
            if frequencies.get(word, 0) >= recipe.polar_reviews:
                own_column(word)
            else:
                shared_column(word, ("plain", polarity))
        strong = np.flatnonzero((np.abs(weights) >= recipe.polar_weight) & (reviews >= recipe.polar_reviews))
        found = {str(corpus.terms[i]): Polarity(bool(weights[i] > 0), bool(abs(weights[i]) > 0.8)) for i in strong}
        polarities = {word: polarity for word, polarity in found.items() if word.isalpha()} | lexicon
        for term, (kind, polarity) in grammar_terms(polarities):
            is_frequent = frequencies.get(term, 0) >= recipe.own_negation_reviews
            if is_frequent:
                own_column(term)
            else:
                shared_column(term, (kind, polarity))
            misleading[index[term]] = kind == "negated" and (is_frequent or not polarity.positive)
        for term in corpus.terms[np.isin(corpus.terms, list(STOP_WORDS))].tolist():
            shared_column(term, "stop word")

    ranked = np.argsort(-importance, kind="stable")[: recipe.terms]
    left = np.array([i for i in ranked if importance[i] > 0 and corpus.terms[i] not in index], np.intp)
    columns = recipe.encoding.columns
    single = len(left) if len(left) <= columns - next_column else max(recipe.own_columns - next_column, 0)
    for i in left[:single]:
        own_column(str(corpus.terms[i]))
    shared = left[single:]
    shared = shared[np.argsort(weights[shared], kind="stable")]  # runs of neighbours share a column
    if len(shared):
        runs = columns - next_column
        reached = np.cumsum(importance[shared]) / importance[shared].sum()  # (shared,), in (0, 1]
        for i, run in zip(shared, np.minimum((reached * runs).astype(int), runs - 1).tolist(), strict=True):
            index[str(corpus.terms[i])] = next_column + run
    if not index:
        raise TrainingError(f"no term of {len(corpus.labels):,} training reviews tells the classes apart; add reviews")
    return Vocabulary(index, recipe.encoding), misleading


# 4. The network


class SparseBatches:
    """Rows as sparse batches, which take a third of the time of dense ones.

    Args:
        rows: float32 (rows, columns), 1.0 where a column is on.
        targets: float32 (rows,).
        size: Rows per batch.
        term_dropout: float32 (rows,), the share of each row's columns that is left out; with `rng` only.
        rng: Draws a new order and other columns for each epoch; None keeps the order, and leaves nothing out.
    """

    def __init__(
        self,
        rows: Matrix,
        targets: Vector,
        size: int,
        term_dropout: Vector | float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        self._matrix, self._targets, self._size, self._rng = rows, targets, size, rng
        self._keep = np.broadcast_to(np.float32(1) - term_dropout, rows.shape[:1])  # (rows,)
        self.rows: Sequence[int] = range(rows.shape[0])

    def __len__(self) -> int:
        return ceil(len(self.rows) / self._size)

    def __iter__(self) -> Iterator[tuple[Any, Vector]]:
        """Yield one epoch: sparse float32 (batch, columns) and float32 (batch, 1)."""
        order = np.arange(len(self.rows)) if self._rng is None else self._rng.permutation(len(self.rows))
        for start in range(0, len(order), self._size):
            chosen = order[start : start + self._size]
            batch = self._matrix[chosen]
            rows = np.repeat(np.arange(len(chosen)), np.diff(batch.indptr))  # (ones,)
            columns, values = batch.indices, batch.data
            if self._rng is not None:
                keep = self._keep[chosen][rows]
                kept = self._rng.random(len(rows), np.float32) < keep
                rows, columns, values = rows[kept], columns[kept], (1 / keep[kept]).astype(np.float32)
            places = np.stack([rows, columns], 1).astype(np.int64)
            yield tf.SparseTensor(places, values, (len(chosen), batch.shape[1])), self._targets[chosen, None]


def _train(
    corpus: Corpus, known: NDArray[np.intp], recipe: Best, progress: Progress, aside: NDArray[np.intp] | None = None
) -> tuple[Vocabulary, Network, History]:
    """Train a network from scratch.

    Args:
        corpus: The reviews.
        known: Positions of the labelled reviews to train on; the unlabelled ones are used in any case.
        recipe: How to train.
        progress: Shows the progress.
        aside: Positions of the labelled reviews to measure on after each epoch.
    """
    task = progress.add_task(f"fitting linear models to {len(corpus.sentences):,} sentences", total=None)
    teaching = teach(corpus, known, recipe)
    vocabulary, misleading = choose_terms(corpus, teaching.weights, recipe)
    rows, targets, term_dropout = training_rows(corpus, known, teaching, vocabulary, misleading, recipe)
    progress.remove_task(task)

    rng = np.random.default_rng(recipe.seed)
    training = SparseBatches(rows, targets, recipe.batch_size, term_dropout, rng)
    validation = None
    if aside is not None:
        held_out = to_matrix(encode(vocabulary, [corpus.reviews[i] for i in aside]), recipe.encoding.columns)
        validation = SparseBatches(held_out, corpus.labels[aside], recipe.batch_size)
    columns, hidden = recipe.encoding.columns, (recipe.hidden_units,)
    network = build(columns, hidden, dropout=recipe.dropout, sparse=True)  # (batch, 10000) -> (batch, 1)
    decay = tf.keras.optimizers.schedules.CosineDecay(recipe.learning_rate, recipe.epochs * len(training))
    network.compile(optimizer=tf.keras.optimizers.Adam(decay), loss="binary_crossentropy", metrics=[accuracy])
    history = fit(network, training, recipe.epochs, progress, validation)
    served = build(columns, hidden)  # the same network for dense rows
    served.set_weights(network.get_weights())
    return vocabulary, served, history


def training_rows(
    corpus: Corpus,
    known: NDArray[np.intp],
    teaching: Teaching,
    vocabulary: Vocabulary,
    misleading: NDArray[np.bool_],
    recipe: Best,
) -> tuple[Matrix, Vector, Vector]:
    """Build the training set: whole reviews, spans of their sentences, and made-up phrases.

    Returns:
        The rows, (372000, 10000); their targets, (372000,); and their term dropout, (372000,).
    """
    used = np.concatenate([known, np.arange(len(corpus.labels), len(corpus.reviews))])  # (75000,)
    sequences = [corpus.reviews[i] for i in used]
    targets = [teaching.reviews[used]]

    # Spans of one to three sentences, anywhere in their review.
    rng = np.random.default_rng(recipe.seed)
    firsts = np.searchsorted(corpus.review_of, used)  # (75000,), each review's first sentence
    counts = np.searchsorted(corpus.review_of, used, "right") - firsts  # (75000,), its sentences
    shape = (len(used), recipe.spans)
    lengths = np.minimum(rng.choice(recipe.span_lengths, shape), counts[:, None])  # (75000, 3)
    starts = firsts[:, None] + (rng.random(shape) * (counts[:, None] - lengths + 1)).astype(int)  # (75000, 3)
    has_words = (lengths > 0).ravel()
    starts, ends = starts.ravel()[has_words], (starts + lengths).ravel()[has_words]  # (225000,)
    sequences += [
        [token for sentence in corpus.sentences[start:end] for token in sentence]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    targets.append(span_targets(corpus, starts, ends, teaching, recipe))

    phrases: list[tuple[str, float]] = []
    if corpus.is_english and recipe.phrases:
        rng_of_phrases = random.Random(recipe.seed)  # noqa: S311  # no secret
        phrases = make_phrases(recipe.phrases, corpus.frequencies, rng_of_phrases)
    sequences += [vocabulary.tokenise(text) for text, _ in phrases]
    targets.append(np.array([target for _, target in phrases], np.float32))

    matrix = to_matrix(encode(vocabulary, sequences), recipe.encoding.columns)
    others = matrix.shape[0] - len(phrases)
    # What these negations mean is learned from the phrases alone.
    without = matrix[:others] @ sparse.diags((~misleading).astype(np.float32))
    without.eliminate_zeros()
    matrix = sparse.vstack([without, matrix[others:]], format="csr")
    repeated = np.concatenate([np.arange(others), np.repeat(np.arange(others, matrix.shape[0]), recipe.phrase_repeats)])
    term_dropout = np.where(repeated < others, recipe.term_dropout, 0).astype(np.float32)
    return matrix[repeated], np.concatenate(targets)[repeated], term_dropout


def span_targets(
    corpus: Corpus, starts: NDArray[np.intp], ends: NDArray[np.intp], teaching: Teaching, recipe: Best
) -> Vector:
    """What a person would say of spans of sentences, mixed with what their review is; float32 (spans,)."""
    totals = np.concatenate([[0], np.cumsum(teaching.sentences, dtype=np.float64)])  # (sentences + 1,)
    odds = _shortened(totals[ends] - totals[starts] + teaching.bias, _words(corpus, starts, ends), recipe)
    opinion = expit(recipe.sharpness * (teaching.slope * odds + teaching.shift))
    share = recipe.sentence_share
    return np.asarray(share * opinion + (1 - share) * teaching.reviews[corpus.review_of[starts]], np.float32)


def to_matrix(rows: Sequence[Row], columns: int) -> Matrix:
    """Encoded texts as a sparse matrix; float32 (rows, columns), 1.0 in the columns that are on."""
    indices = np.concatenate([row.columns for row in rows])
    starts = np.concatenate([[0], np.cumsum([len(row.columns) for row in rows])])
    matrix = Matrix((np.ones(len(indices), np.float32), indices, starts), shape=(len(rows), columns))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
