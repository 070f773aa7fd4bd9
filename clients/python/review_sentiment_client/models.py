"""Types of requests and responses. Generated from openapi.json by datamodel-codegen; do not edit."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Review: TypeAlias = str


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """
    Reviews to explain.
    """

    reviews: list[Review]
    """
    Raw review texts, in any order. They may contain markup and emoji. `GET /model` returns the maximum number of reviews and of characters per review.
    """

    top: int | None = None
    """
    Maximum number of effects to list per review, largest first. If absent, all are listed.
    """


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """
    Reviews to score.
    """

    reviews: list[Review]
    """
    Raw review texts, in any order. They may contain markup and emoji. `GET /model` returns the maximum number of reviews and of characters per review.
    """


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """
    How a bundle's probabilities were adapted to a file of labelled texts, of which nothing else is kept.
    """

    scale: float
    """
    Factor for the network's log-odds.
    """

    shift: float
    """
    What is added to them afterwards.
    """

    texts: int
    """
    Number of labelled texts.
    """

    sha256: str
    """
    SHA-256 of their file.
    """

    original: str
    """
    Digest of the bundle that was calibrated.
    """

    before: dict[str, float]
    """
    Metrics on these texts without calibration.
    """

    after: dict[str, float]
    """
    Metrics with calibration, fitted to four fifths of the texts and measured on the others.
    """


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """
    How a review becomes a row; stated in each bundle's manifest.
    """

    columns: int
    """
    Width of a row.
    """

    start_column: int | None
    """
    A column that is on in every row; null if there is none.
    """

    unknown_column: int | None
    """
    A column that is on if any word of the review is unknown; null if there is none.
    """

    first_term_column: int
    """
    The column of the first term; those before it are reserved.
    """

    longest_term: int
    """
    Maximum number of consecutive tokens in a term.
    """

    kept_punctuation: str
    """
    Punctuation marks that are tokens; all others are separators.
    """

    markup: Literal["text", "separator"]
    """
    Whether HTML tags such as `<br />` are text, like any other, or separators.
    """


JsonValue: TypeAlias = Any


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    The limits that apply to requests.
    """

    max_reviews: int
    """
    Maximum reviews per request.
    """

    max_explained: int
    """
    Maximum reviews per request to explain.
    """

    max_characters: int
    """
    Maximum characters (Unicode code points) per review.
    """

    max_explained_length: int
    """
    Maximum characters per review to explain.
    """

    max_body_bytes: int
    """
    Maximum bytes per request body.
    """

    max_waiting: int
    """
    Maximum waiting reviews per worker; excess requests get 503.
    """


@dataclass(frozen=True, kw_only=True)
class ModelName:
    """
    The bundle that made the predictions.
    """

    name: str
    """
    The bundle's name.
    """

    version: str
    """
    The bundle's version.
    """


@dataclass(frozen=True, kw_only=True)
class Promise:
    """
    How often certain predictions are right, proved with labelled texts; stated in a bundle's manifest.
    """

    right: float
    """
    At least this share of the certain predictions is right.
    """

    confidence: float
    """
    Probability that labels like these prove only what is true.
    """

    labels: int
    """
    Number of labelled texts that prove it.
    """

    certain_share: float
    """
    Share of these texts with certain predictions.
    """

    texts: str
    """
    What these texts are.
    """

    sentence: str
    """
    The promise in words.
    """


@dataclass(frozen=True, kw_only=True)
class UncertaintyRule:
    """
    When a prediction is uncertain; stated in each bundle's manifest. Any one reason suffices.
    """

    above: float
    """
    Lower end of the band of uncertain probabilities, which does not include it; in [0, 1].
    """

    below: float
    """
    Upper end of this band, which does not include it; in [`above`, 1].
    """

    min_known_words: int
    """
    Predictions with fewer known words are uncertain.
    """

    min_known_share: float
    """
    Predictions with a smaller share of known words are uncertain; in [0, 1].
    """


@dataclass(frozen=True, kw_only=True)
class Violation:
    """
    One way in which a request is invalid.
    """

    location: str
    """
    Position in the request body, or name of a parameter.
    """

    message: str
    """
    What is wrong at this position.
    """

    pointer: str | None = None
    """
    The same position as a JSON Pointer; only for positions in the request body.
    """


@dataclass(frozen=True, kw_only=True)
class Reason:
    """
    The effect of one term, or of several that are the same to the model: the prediction minus the one without.
    """

    terms: list[str]
    """
    Terms of the review that share a column, so the model cannot tell them apart, in order of occurrence; usually one. Each is a word or several consecutive words, in lower case.
    """

    log_odds: float
    """
    Effect on the log-odds. Negative values make the review less likely to be positive.
    """

    probability: float
    """
    Effect on the probability.
    """

    positive_probability_without: float
    """
    Probability without the terms.
    """


@dataclass(frozen=True, kw_only=True)
class RemainingTerms:
    """
    The effects that `top` omits, added up.
    """

    terms: int
    """
    Number of omitted effects.
    """

    log_odds: float
    """
    Sum of their effects on the log-odds.
    """

    probability: float
    """
    Sum of their effects on the probability.
    """


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """
    The prediction for one sentence of a review, scored alone. Positions count Unicode code points from 0.
    """

    positive_probability: float
    """
    Probability that the review is positive.
    """

    sentiment: str
    """
    `positive` if the probability is at least 0.5, else `negative`. Later versions may add values.
    """

    uncertain: bool
    """
    Whether the prediction is unreliable: the probability is not close enough to 0 or 1, or the model knows too few of the words. `GET /model` returns the bundle's rule.
    """

    words: int
    """
    Number of words; in some encodings also of `!` and `?`.
    """

    known_words: int
    """
    Number of words that the model knows.
    """

    start: int
    """
    Position of the sentence's first character.
    """

    end: int
    """
    Position after its last character.
    """

    terms: list[Reason] | None = None
    """
    The known terms with the largest effects on the log-odds, largest first; only if the request has the parameter `explain`.
    """


@dataclass(frozen=True, kw_only=True)
class Span:
    """
    A part of a review. Positions count Unicode code points from 0.
    """

    start: int
    """
    Position of the first character.
    """

    end: int
    """
    Position after the last character.
    """


@dataclass(frozen=True, kw_only=True)
class ModelResponse:
    """
    The served bundle: its manifest, its digest and the limits that apply.
    """

    name: str
    """
    The bundle's name: the folder that contains its versions.
    """

    version: str
    """
    The bundle's version: a whole number, larger for newer bundles.
    """

    created: str
    """
    When training, or calibration, ended, in ISO 8601 (UTC).
    """

    encoding: Encoding
    """
    How reviews are converted to multi-hot rows.
    """

    uncertainty: UncertaintyRule
    """
    When a prediction is `uncertain`.
    """

    promise: Promise | None
    """
    How often certain predictions are right; null if nothing was proved.
    """

    calibration: Calibration | None
    """
    How the bundle's probabilities were adapted to other texts; null for most bundles.
    """

    vocabulary_size: int
    """
    Number of terms that have a column.
    """

    recipe: dict[str, JsonValue]
    """
    The recipe that the network was trained with, including the seed.
    """

    dataset: dict[str, JsonValue]
    """
    The reviews that the network was trained on.
    """

    metrics: dict[str, float]
    """
    Metrics on the test reviews, measured once, without calibration.
    """

    libraries: dict[str, str]
    """
    Versions of the libraries used for training.
    """

    versions: list[str]
    """
    All versions that are served, the default first.
    """

    digest: str
    """
    SHA-256 of the manifest, which contains the digests of all other files.
    """

    runtime: str
    """
    The runtime that executes the network.
    """

    limits: Limits


@dataclass(frozen=True, kw_only=True)
class Problem:
    """
    An error, and how to resolve it (RFC 9457 problem details).
    """

    type: str
    """
    Stable identifier of the kind of problem, and the path of a page about it.
    """

    title: str
    """
    Short name of the kind of problem.
    """

    status: int
    """
    The HTTP status code.
    """

    detail: str
    """
    What is wrong with this request and how to resolve it, for humans.
    """

    request_id: str | None = None
    """
    The X-Request-ID of the response, under which the log has the request.
    """

    limit: int | None = None
    """
    The limit that was exceeded.
    """

    received: int | None = None
    """
    The value that was received.
    """

    index: int | None = None
    """
    Index of the review, counted from 0.
    """

    errors: list[Violation] | None = None
    """
    Where the request does not match the schema.
    """


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """
    The prediction for one review.
    """

    positive_probability: float
    """
    Probability that the review is positive.
    """

    sentiment: str
    """
    `positive` if the probability is at least 0.5, else `negative`. Later versions may add values.
    """

    uncertain: bool
    """
    Whether the prediction is unreliable: the probability is not close enough to 0 or 1, or the model knows too few of the words. `GET /model` returns the bundle's rule.
    """

    words: int
    """
    Number of words; in some encodings also of `!` and `?`.
    """

    known_words: int
    """
    Number of words that the model knows.
    """

    terms: list[Reason] | None = None
    """
    The known terms with the largest effects on the log-odds, largest first; only if the request has the parameter `explain`.
    """


@dataclass(frozen=True, kw_only=True)
class Effect:
    """
    The effect of one term, or of several that are the same to the model, and where they are.
    """

    terms: list[str]
    """
    Terms of the review that share a column, so the model cannot tell them apart, in order of occurrence; usually one. Each is a word or several consecutive words, in lower case.
    """

    log_odds: float
    """
    Effect on the log-odds. Negative values make the review less likely to be positive.
    """

    probability: float
    """
    Effect on the probability.
    """

    positive_probability_without: float
    """
    Probability without the terms.
    """

    occurrences: list[Span]
    """
    Where the terms occur in the review, in order; a span covers all words of a term.
    """


@dataclass(frozen=True, kw_only=True)
class PredictResponse:
    """
    One prediction per review, in the same order as the reviews.
    """

    model: ModelName
    predictions: list[Prediction]
    """
    One per review, in the same order.
    """


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """
    The prediction for one review, and what it is based on.
    """

    positive_probability: float
    """
    Probability that the review is positive.
    """

    sentiment: str
    """
    `positive` if the probability is at least 0.5, else `negative`. Later versions may add values.
    """

    uncertain: bool
    """
    Whether the prediction is unreliable: the probability is not close enough to 0 or 1, or the model knows too few of the words. `GET /model` returns the bundle's rule.
    """

    words: int
    """
    Number of words; in some encodings also of `!` and `?`.
    """

    known_words: int
    """
    Number of words that the model knows.
    """

    terms: list[Effect]
    """
    The known terms, largest effect on the log-odds first.
    """

    log_odds: float
    """
    log(p / (1 - p)), computed before p, so that it is exact also where p is almost 0 or 1.
    """

    rest: RemainingTerms
    """
    Summary of the effects that `top` omits.
    """

    unknown_words: list[Span]
    """
    Words that the model does not know.
    """

    sentences: list[Sentence]
    """
    The sentences in order; at most the first 100, or in a longer review one per 20 characters, up to 1,000. Punctuation and tags between sentences belong to no sentence.
    """


@dataclass(frozen=True, kw_only=True)
class ExplainResponse:
    """
    One explanation per review, in the same order as the reviews.
    """

    model: ModelName
    explanations: list[Explanation]
    """
    One per review, in the same order.
    """
