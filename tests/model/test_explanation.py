"""What a prediction is based on, against the definition: run the network again without a column."""

import math
from collections.abc import Sequence
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.bundles.reading import load_bundle
from app.model.classifier import Classifier
from app.model.explanation import Span, explain
from app.model.prediction import Prediction
from app.model.vocabulary import Encoding, Vocabulary
from tests.models import MODELS, NEWEST, VERSIONS
from tests.probabilities import assert_same

REVIEW = "Not so   bad, not at all!  A SUPERB film…\n<br />İt isn’t\u00a0worth it; 😀 superb xyzzyxyzzy."
SHARED = {"superb": 4, "not so": 5, "bad": 6, "zorblax": 4, "a superb film": 4, "at all": 5, "isn't worth": 7, "!": 7}
"""Terms of which several share a column."""
PIECES = [
    "superb ",
    "zorblax ",
    "not so ",
    "at all ",
    "not ",
    "bad",
    "good, ",
    "a superb film ",
    "İ",
    "’",
    "! ",
    "😀",
    "THE ",
]
reviews = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30).map("".join)


def texts_at(spans: Sequence[Span], review: str) -> list[str]:
    return [review[span.start : span.end] for span in spans]


def indices(span: Span) -> range:
    return range(span.start, span.end)


def probability_without(classifier: Classifier, review: str, column: int | None) -> float:
    """The network's probability for the review with a column switched off, computed without the code under test."""
    row = classifier.vocabulary.encode(review)
    columns = set(row.columns.tolist())
    if column is not None:
        columns.remove(column)
    return float(classifier.runtime([row._replace(columns=np.array(sorted(columns), np.int32))])[0])


@pytest.fixture(scope="module")
def classifiers(shipped: dict[str, Classifier]) -> dict[str, Classifier]:
    """Those of the shipped bundles, and the newest network with `SHARED` as its word index."""
    newest = shipped[NEWEST]
    encoding = Encoding(start_column=None, unknown_column=2, longest_term=3, kept_punctuation="!")
    network = load_bundle(MODELS / NEWEST).network
    assert network is not None
    shared = Classifier(Vocabulary(SHARED, encoding), newest.runtime, network, newest.uncertainty)
    return shipped | {"shared": shared}


@pytest.mark.parametrize("version", [*VERSIONS, "shared"])
@settings(max_examples=60)
@given(reviews)
@example("xyzzyxyzzy")
@example(REVIEW)
def test_explanation_follows_the_definition(classifiers: dict[str, Classifier], version: str, review: str) -> None:
    classifier = classifiers[version]
    vocabulary = classifier.vocabulary
    explanation = explain(classifier, review)
    said = {field.name: getattr(explanation, field.name) for field in fields(Prediction)} | {"terms": None}
    assert_same([said], classifier.predict([review]))

    own = {vocabulary.encoding.start_column, vocabulary.encoding.unknown_column}
    columns = [vocabulary.word_index[effect.terms[0]] for effect in explanation.terms]
    assert sorted(columns) == sorted({int(column) for column in vocabulary.encode(review).columns} - own)
    whole = probability_without(classifier, review, None)
    for effect, column in zip(explanation.terms, columns, strict=True):
        without = probability_without(classifier, review, column)
        assert effect.positive_probability_without == pytest.approx(without, abs=1e-6)
        assert effect.probability == pytest.approx(whole - without, abs=2e-6)
        if all(0.01 < each < 0.99 for each in (whole, without)):  # outside, float32 is too coarse for this
            difference = math.log(whole / (1 - whole)) - math.log(without / (1 - without))
            assert effect.log_odds == pytest.approx(difference, abs=1e-4)
        found = [" ".join(vocabulary.tokenise(text)) for text in texts_at(effect.occurrences, review)]
        assert effect.terms == list(dict.fromkeys(found))
        assert {vocabulary.word_index[term] for term in found} == {column}
        spans = [(span.start, span.end) for span in effect.occurrences]
        assert spans == sorted(set(spans))
    sizes = [abs(effect.log_odds) for effect in explanation.terms]
    assert sizes == sorted(sizes, reverse=True)

    assert len(explanation.unknown_words) == explanation.words - explanation.known_words
    assert all(len(vocabulary.tokenise(text)) == 1 for text in texts_at(explanation.unknown_words, review))
    known = {index for effect in explanation.terms for span in effect.occurrences for index in indices(span)}
    assert not known & {index for span in explanation.unknown_words for index in indices(span)}


@pytest.mark.parametrize("version", [*VERSIONS, "shared"])
def test_reasons_are_the_largest_effects_of_the_explanation(classifiers: dict[str, Classifier], version: str) -> None:
    classifier = classifiers[version]
    texts = [REVIEW, "", "xyzzyxyzzy", "A dull, boring waste of time.", REVIEW]
    for text, prediction in zip(texts, classifier.predict(texts, top=4), strict=True):
        reasons = prediction.terms or ()
        effects = explain(classifier, text).terms[:4]
        assert [reason.terms for reason in reasons] == [effect.terms for effect in effects]
        for reason, effect in zip(reasons, effects, strict=True):
            assert reason.log_odds == pytest.approx(effect.log_odds, abs=1e-5)
            assert reason.positive_probability_without == pytest.approx(effect.positive_probability_without, abs=1e-6)


def test_explanation_has_one_effect_for_all_terms_of_a_column(classifiers: dict[str, Classifier]) -> None:
    explanation = explain(classifiers["shared"], REVIEW)
    effects = explanation.terms
    assert {tuple(effect.terms): texts_at(effect.occurrences, REVIEW) for effect in effects} == {
        ("a superb film", "superb"): ["A SUPERB film", "SUPERB", "superb"],
        ("not so", "at all"): ["Not so", "at all"],
        ("bad",): ["bad"],
        ("!", "isn't worth"): ["!", "isn’t\u00a0worth"],
    }
    assert texts_at(explanation.unknown_words, REVIEW) == ["not", "br", "İt", "it", "😀", "xyzzyxyzzy"]


def test_explanation_scores_each_sentence_alone(shipped: dict[str, Classifier]) -> None:
    sentences = [f"{word} film number {number}." for number in range(100) for word in ("Superb", "Dull")]
    review = "<br />".join(sentences)
    explanation = explain(shipped[NEWEST], review)
    assert [review[sentence.start : sentence.end] for sentence in explanation.sentences] == sentences
    for sentence, text in zip(explanation.sentences, sentences, strict=True):
        (alone,) = shipped[NEWEST].predict([text])
        assert_same([Prediction(*astuple(sentence)[:6])], [alone])


@pytest.mark.parametrize(("characters", "listed"), [(1000, 100), (10_000, 500), (50_000, 1000)])
def test_explanation_lists_the_first_of_many_sentences(
    shipped: dict[str, Classifier], characters: int, listed: int
) -> None:
    sentences = explain(shipped[NEWEST], "a\n" * (characters // 2)).sentences
    assert [(sentence.start, sentence.end) for sentence in sentences] == [(2 * i, 2 * i + 1) for i in range(listed)]


AWFUL = """Awful, terrible, worst film ever, waste of time, boring, dull, stupid, horrible, poorly acted, lame,
    laughable, unwatchable, avoid, pointless, mess, 1/10, disappointing, fails, worse, redeeming, forgettable, lacks,
    unfunny, tedious, pathetic. Superb."""


GREAT = """Superb, excellent, perfect, wonderful, amazing, brilliant, flawless, masterpiece, touching, hilarious,
    must see, 10/10, highly recommended, best film ever, favorite, loved it, refreshing, gem, delightful, beautifully
    shot, moving, fantastic, outstanding, incredible, wonderfully acted. Boring."""


@pytest.mark.parametrize(("review", "strongest", "other"), [(AWFUL, "worst", "superb"), (GREAT, "superb", "boring")])
def test_explanation_of_a_certain_prediction_still_ranks_terms(
    shipped: dict[str, Classifier], review: str, strongest: str, other: str
) -> None:
    """Though the probability differs from 0, or from 1, by less than a millionth, where a float32 has few digits."""
    explanation = explain(shipped[NEWEST], review)
    log_odds_of = {term: effect.log_odds for effect in explanation.terms for term in effect.terms}
    sign = math.copysign(1, explanation.log_odds)
    assert abs(explanation.log_odds) > math.log(1e6)
    assert len({round(value, 5) for value in log_odds_of.values()}) > len(log_odds_of) * 0.8
    assert sign * log_odds_of[other] < 0
    assert sign * log_odds_of[strongest] > 0.3
