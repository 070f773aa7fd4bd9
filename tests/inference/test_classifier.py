"""Raw text to probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.inference.bundle import load_bundle
from app.inference.classifier import Classifier, open_classifier
from app.inference.errors import InferenceError
from app.inference.prediction import Prediction
from app.inference.runtimes import RUNTIMES
from tests.servers import ROOT


def test_predict_keeps_the_order(classifier: Classifier) -> None:
    good, bad = "superb wonderful moving brilliant", "awful boring dull terrible"
    first, second, third = classifier.predict([good, bad, good])
    assert first.sentiment == third.sentiment == "positive"
    assert second.sentiment == "negative"
    assert first == third


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_predict_answers_the_same_bits_in_any_company(runtime: str, version: str) -> None:
    classifier = open_classifier(load_bundle(ROOT / "models/imdb" / version), runtime)
    reviews = [
        f"a superb film number {i}, {'not ' * (i % 3)}boring " + "and so on, great! " * (i % 5) for i in range(90)
    ]
    alone = [classifier.predict([review])[0] for review in reviews]
    for size in (2, 3, 7, 33, 64, 90):
        together = [p for i in range(0, len(reviews), size) for p in classifier.predict(reviews[i : i + size])]
        assert together == alone


def test_predict_counts_words_and_known_words(classifier: Classifier) -> None:
    (prediction,) = classifier.predict(["A superb xyzzy, plugh!"])
    assert (prediction.words, prediction.known_words) == (4, 2)


def test_predict_nothing_returns_nothing(classifier: Classifier) -> None:
    assert classifier.predict([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=())), max_size=5))
def test_predict_any_text_gives_probabilities(classifier: Classifier, reviews: list[str]) -> None:
    predictions = classifier.predict(reviews)
    assert len(predictions) == len(reviews)
    assert all(0 <= prediction.positive_probability <= 1 for prediction in predictions)


def test_sentiment_at_one_half_is_positive() -> None:
    assert Prediction(0.5, 1, 1).sentiment == "positive"
    assert Prediction(0.4999, 1, 1).sentiment == "negative"


class FakeRuntime:
    """A network that returns `answer`, or else 0.5 for each row; `calls` lists the number of rows of each call."""

    columns = 10_000
    linger = 0.0

    def __init__(self, *answer: float, min_rows: int = 1) -> None:
        self.answer = answer
        self.min_rows = min_rows
        self.calls: list[int] = []

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls.append(len(multi_hot))
        return np.array(self.answer or [0.5] * len(multi_hot), np.float32)


@pytest.mark.parametrize(("min_rows", "calls"), [(1, [64, 4]), (2, [64, 4]), (8, [64, 8])])
def test_runtime_is_called_with_the_sizes_it_was_prepared_for(
    classifier: Classifier, min_rows: int, calls: list[int]
) -> None:
    runtime = FakeRuntime(min_rows=min_rows)
    assert len(Classifier(classifier.vocabulary, runtime).predict(["good"] * 67)) == 67
    assert runtime.calls == calls


@pytest.mark.parametrize("answer", [(np.nan,), (np.inf,), (-0.1,), (1.1,), (0.5, 0.5)])
def test_predict_with_an_unusable_answer_raises(classifier: Classifier, answer: tuple[float, ...]) -> None:
    with pytest.raises(InferenceError):
        Classifier(classifier.vocabulary, FakeRuntime(*answer)).predict(["good"])
