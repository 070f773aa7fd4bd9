"""Raw text to probabilities."""

import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from app.model.calibration import Calibration, log_odds
from app.model.classifier import Classifier
from app.model.errors import InferenceError
from app.model.explanation import explain
from app.model.network import Layer, Network
from app.model.prediction import UncertaintyRule
from app.model.runtimes import RUNTIMES
from app.model.vocabulary import Row, Vocabulary
from tests.models import MODELS, VERSIONS
from tests.probabilities import assert_same


def test_predict_keeps_the_order_and_counts_words(classifier: Classifier) -> None:
    good, bad = "superb wonderful moving brilliant", "An awful, boring xyzzy. Plugh!"
    first, second, third = classifier.predict([good, bad, good])
    assert first.sentiment == "positive"
    assert first == third
    assert (second.sentiment, second.words, second.known_words) == ("negative", 5, 2)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_predict_returns_the_same_in_batches_of_any_size(runtime: str, version: str) -> None:
    classifier = open_classifier(load_bundle(MODELS / version), runtime)
    reviews = [f"a superb film, {'not ' * (i % 3)}boring " + "and so on, great! " * (i % 5) for i in range(90)]
    alone = [classifier.predict([review])[0] for review in reviews]
    for size in (2, 3, 7, 33, 64, 90):
        together = [p for i in range(0, len(reviews), size) for p in classifier.predict(reviews[i : i + size])]
        assert_same(together, alone)


def test_predict_encodes_no_more_than_a_batch_at_a_time(classifier: Classifier) -> None:
    reviews = ["superb awful boring film " * 50] * 1500
    tracemalloc.start()
    predictions = classifier.predict(reviews)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(predictions) == len(reviews)
    assert peak < 8e6


@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
def test_predict_any_text_gives_probabilities(classifier: Classifier, reviews: list[str]) -> None:
    predictions = classifier.predict(reviews)
    assert len(predictions) == len(reviews)
    assert all(0 <= prediction.positive_probability <= 1 for prediction in predictions)


RULE = UncertaintyRule(above=0.25, below=0.75, min_known_words=0, min_known_share=0)


class FakeRuntime:
    """A network that returns `answer(rows)`, or 0.5 for each row; `calls` lists the number of rows of each call."""

    columns = 10_000

    def __init__(
        self,
        answer: Callable[[Sequence[Row]], NDArray[Any]] = lambda rows: np.full(len(rows), 0.5),
        linger: float = 0.0,
    ) -> None:
        self.answer = answer
        self.linger = linger
        self.calls: list[int] = []

    def __call__(self, rows: Sequence[Row]) -> NDArray[np.floating[Any]]:
        self.calls.append(len(rows))
        return self.answer(rows)


NETWORK = Network(
    [
        Layer(np.zeros((10_000, 2), np.float32), np.zeros(2, np.float32)),
        Layer(np.ones((2, 1), np.float32), np.zeros(1, np.float32)),
    ],
    "relu",
)
"""A network whose log-odds are always 0."""


def faked(
    vocabulary: Vocabulary, runtime: FakeRuntime, rule: UncertaintyRule = RULE, calibration: Calibration | None = None
) -> Classifier:
    """A classifier with this runtime."""
    return Classifier(vocabulary, runtime, NETWORK, rule, calibration)


def test_runtime_is_called_with_batches(classifier: Classifier) -> None:
    runtime = FakeRuntime()
    assert len(faked(classifier.vocabulary, runtime).predict(["good"] * 67)) == 67
    assert runtime.calls == [64, 3]


@pytest.mark.parametrize("answer", [[np.nan], [np.inf], [-0.1], [1.1], [0.5, 0.5]])
def test_predict_with_an_unusable_answer_raises(classifier: Classifier, answer: list[float]) -> None:
    with pytest.raises(InferenceError):
        faked(classifier.vocabulary, FakeRuntime(lambda _: np.array(answer))).predict(["good"])


def test_predict_marks_what_the_rule_of_the_bundle_applies_to(classifier: Classifier) -> None:
    def uncertain(probability: float, rule: UncertaintyRule) -> list[bool]:
        runtime = FakeRuntime(lambda rows: np.full(len(rows), probability))
        reviews = ["superb awful boring", "superb awful xyzzy plugh", "superb", "xyzzy", "..."]
        return [said.uncertain for said in faked(classifier.vocabulary, runtime, rule).predict(reviews)]

    rule = replace(RULE, min_known_words=2, min_known_share=0.6)
    assert uncertain(0.125, rule) == [False, True, True, True, True]
    assert uncertain(0.5, rule) == [True] * 5
    assert uncertain(0.5, RULE) == [True] * 5
    assert uncertain(0.125, RULE) == [False] * 4 + [True]


def test_shipped_bundles_state_the_rule_that_their_classifiers_use(shipped: dict[str, Classifier]) -> None:
    for version, opened in shipped.items():
        assert opened.uncertainty == load_bundle(MODELS / version).manifest.uncertainty


def test_calibration_corrects_every_probability_of_the_network(classifier: Classifier) -> None:
    calibration = Calibration(scale=0.5, shift=-0.3, texts=100, sha256="", original="", before={}, after={})
    runtime = FakeRuntime(lambda rows: np.linspace(0, 1, len(rows)))
    plain, corrected = (faked(classifier.vocabulary, runtime, RULE, each) for each in (None, calibration))
    for raw, said in zip(plain.predict(["good"] * 64), corrected.predict(["good"] * 64), strict=True):
        expected = 0.5 * log_odds(raw.positive_probability) - 0.3
        assert log_odds(said.positive_probability) == pytest.approx(expected, abs=1e-6)
        assert said.uncertain is RULE.applies(said.positive_probability, said.words, said.known_words)
        assert 0 < said.positive_probability < 1


def test_calibration_corrects_explanations(shipped: dict[str, Classifier]) -> None:
    calibration = Calibration(scale=0.5, shift=-0.3, texts=100, sha256="", original="", before={}, after={})
    plain, corrected = shipped["1"], shipped["1"].calibrated(calibration, RULE)
    before, after = (explain(each, "superb, but boring") for each in (plain, corrected))
    assert after.log_odds == pytest.approx(0.5 * before.log_odds - 0.3)
    for effect, corrected_effect in zip(before.terms, after.terms, strict=True):
        assert corrected_effect.log_odds == pytest.approx(0.5 * effect.log_odds)
    said = corrected.predict(["superb, but boring"])[0].positive_probability
    assert log_odds(said) == pytest.approx(after.log_odds, abs=1e-5)
