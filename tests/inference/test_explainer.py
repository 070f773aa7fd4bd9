"""Explanations beside predictions: their budget, and whose turn it is."""

import asyncio

import pytest

from app.inference.batcher import Batcher
from app.inference.classifier import Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explainer import CHUNK, Explainer
from app.inference.explanation import Occlusion
from app.inference.waiting import WaitingReviews
from app.telemetry.metrics import Metrics
from tests.inference.test_classifier import FakeRuntime

pytestmark = pytest.mark.anyio


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def classifier(shipped: dict[str, Classifier], runtime: FakeRuntime) -> Classifier:
    return Classifier(shipped["1"].vocabulary, runtime, shipped["1"].uncertainty)


@pytest.fixture
def long(classifier: Classifier) -> str:
    """A review of nine chunks."""
    return " ".join(list(classifier.vocabulary.word_index)[: 9 * CHUNK - 1])


def new_explainer(max_requests: int = 16, max_rows: int = 9 * CHUNK, deadline: float = 60) -> Explainer:
    return Explainer(max_requests, max_rows, deadline)


async def until(runtime: FakeRuntime, calls: int) -> None:
    """Give others turns until the network has been called this often."""
    while len(runtime.calls) < calls:
        await asyncio.sleep(0)


async def test_explain_gives_each_caller_the_explanations_of_its_reviews(
    shipped: dict[str, Classifier], long: str
) -> None:
    classifier = shipped["1"]
    explainer = new_explainer(max_rows=1000)
    requests = [["a superb film", "awful"], [long], [], ["a superb film"]]
    found = await asyncio.gather(*(explainer.explain(classifier, reviews) for reviews in requests))
    for reviews, explanations in zip(requests, found, strict=True):
        for review, explanation in zip(reviews, explanations, strict=True):
            occlusion = Occlusion(classifier.vocabulary, review)
            assert explanation == occlusion.explanation(classifier.predict_rows(list(occlusion.rows())))


async def test_predictions_are_scored_between_the_chunks_of_an_explanation(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explaining = asyncio.create_task(new_explainer().explain(classifier, [long]))
    batcher = Batcher(classifier, WaitingReviews(10), 60, Metrics().observer("1"))
    await until(runtime, 1)
    for _ in range(3):
        await batcher.predict(["superb"])
        assert not explaining.done()
    await explaining
    assert sorted(runtime.calls) == [1] * 3 + [CHUNK] * 9
    assert runtime.calls[-1] == CHUNK


async def test_short_explanation_does_not_wait_for_the_end_of_a_long_one(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer(max_rows=1000)
    explaining = asyncio.create_task(explainer.explain(classifier, [long] * 3))
    await until(runtime, 1)
    await explainer.explain(classifier, ["a superb film"])
    assert not explaining.done()
    await explaining


async def test_explain_beyond_the_limit_of_requests_is_rejected_at_once(classifier: Classifier, long: str) -> None:
    explainer = new_explainer(max_requests=2, max_rows=1000)
    accepted = asyncio.gather(*(explainer.explain(classifier, [review]) for review in (long, "superb")))
    await asyncio.sleep(0)
    assert explainer.full
    with pytest.raises(Overloaded, match="limit of 2 explanation requests"):
        await explainer.explain(classifier, ["superb"])
    await accepted
    assert not explainer.full
    assert len(await explainer.explain(classifier, ["superb"])) == 1


async def test_explain_beyond_the_limit_of_rows_is_rejected(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer()
    accepted = asyncio.create_task(explainer.explain(classifier, [long]))
    await until(runtime, 1)
    with pytest.raises(Overloaded, match="limit of 576 rows"):
        await explainer.explain(classifier, ["superb"])
    await accepted
    assert len(await explainer.explain(classifier, [long, long])) == 2  # one after the other


async def test_explain_beyond_the_deadline_drops_the_rest_and_frees_its_place(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer(max_requests=1, deadline=0.2)
    with pytest.raises(DeadlineExceeded):
        await explainer.explain(classifier, [long] * 10_000)  # takes many seconds
    calls = len(runtime.calls)
    await asyncio.sleep(0.05)
    assert len(runtime.calls) == calls
    assert len(await explainer.explain(classifier, ["superb"])) == 1


async def test_explain_cancelled_drops_the_rest_and_frees_its_place(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer(max_requests=1)
    explaining = asyncio.create_task(explainer.explain(classifier, [long]))
    await until(runtime, 2)
    explaining.cancel()
    await asyncio.wait([explaining])
    assert explaining.cancelled()
    assert runtime.calls == [CHUNK] * 2
    assert len(await explainer.explain(classifier, [long])) == 1
