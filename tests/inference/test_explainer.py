"""Explanations beside predictions: their budget, their order, and whose turn it is."""

import asyncio
import time

import pytest

from app.inference.batcher import Batcher
from app.inference.classifier import BATCH, Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explainer import ITERATIONS, MIN_CHARACTERS, Explainer
from app.inference.explanation import Explanation
from app.inference.waiting import WaitingReviews
from app.telemetry.metrics import Metrics
from tests.inference.test_classifier import FakeRuntime
from tests.inference.test_explanation import explain

pytestmark = pytest.mark.anyio


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def classifier(shipped: dict[str, Classifier], runtime: FakeRuntime) -> Classifier:
    return Classifier(shipped["1"].vocabulary, runtime, shipped["1"].uncertainty)


@pytest.fixture
def long(classifier: Classifier) -> str:
    """A review of one sentence, whose explanation takes ten calls to the network: nine full ones, and one row."""
    return " ".join(list(classifier.vocabulary.word_index)[: 9 * BATCH - 1])


def new_explainer(max_characters: int = 1_000_000, deadline: float = 60) -> Explainer:
    return Explainer(max_characters, deadline)


def start(explainer: Explainer, classifier: Classifier, reviews: list[str]) -> "asyncio.Task[list[Explanation]]":
    return asyncio.create_task(explainer.explain(classifier, reviews, lambda explanation: explanation))


async def until(runtime: FakeRuntime, calls: int) -> None:
    """Give others turns until the network has been called this often."""
    while len(runtime.calls) < calls:
        await asyncio.sleep(0)


async def test_explain_gives_each_caller_the_explanations_of_its_reviews(
    shipped: dict[str, Classifier], long: str
) -> None:
    classifier = shipped["1"]
    explainer = new_explainer()
    requests = [["a superb film", "awful"], [long], [], ["a superb film"]]
    found = await asyncio.gather(*(start(explainer, classifier, reviews) for reviews in requests))
    assert found == [[explain(classifier, review) for review in reviews] for reviews in requests]


async def test_predictions_are_scored_between_the_calls_of_an_explanation(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explaining = start(new_explainer(), classifier, [long] * 20)
    batcher = Batcher(classifier, WaitingReviews(10), 60, Metrics().observer("1"))
    await until(runtime, 1)
    for _ in range(3):
        await batcher.predict(["superb"])
        assert not explaining.done()
    await explaining
    assert sorted(runtime.calls) == [1] * (3 + 20) + [BATCH] * 180
    assert runtime.calls[-2:] == [BATCH, 1]


async def test_explanation_gets_longer_turns_when_everything_else_takes_long(classifier: Classifier, long: str) -> None:
    explaining = start(new_explainer(), classifier, [long])
    iterations = 0
    while not explaining.done():
        time.sleep(0.02)  # as batches of predictions do, many times as long as a call
        iterations += 1
        await asyncio.sleep(0)
    assert iterations < 9 * ITERATIONS  # what one turn per call would take


async def test_explanations_finish_in_the_order_of_arrival(classifier: Classifier, long: str) -> None:
    explainer = new_explainer()
    finished: list[int] = []
    requests = [start(explainer, classifier, reviews) for reviews in ([long] * 3, ["superb"], [long], ["superb"])]
    for number, request in enumerate(requests):
        request.add_done_callback(lambda _, number=number: finished.append(number))  # type: ignore[misc]
    await asyncio.gather(*requests)
    await asyncio.sleep(0)
    assert finished == [0, 1, 2, 3]


async def test_explain_beyond_the_limit_is_rejected_until_half_of_it_is_free(classifier: Classifier, long: str) -> None:
    explainer = new_explainer(max_characters=300 * len(long))
    first, second, third = [start(explainer, classifier, [long] * 100) for _ in range(3)]
    await asyncio.sleep(0)
    assert not explainer.full
    with pytest.raises(Overloaded, match="characters of reviews to explain was reached"):
        await start(explainer, classifier, ["superb"])
    assert explainer.full  # admission rejects the next ones unread
    for waiting, full in ((third, True), (second, False)):
        waiting.cancel()
        await asyncio.wait([waiting])
        assert explainer.full is full
    first.cancel()


async def test_short_reviews_count_as_a_thousand_characters(classifier: Classifier) -> None:
    explainer = new_explainer(max_characters=3 * MIN_CHARACTERS)
    accepted = [start(explainer, classifier, ["superb"] * reviews) for reviews in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="limit of 3000 characters"):
        await start(explainer, classifier, ["superb"])
    await asyncio.gather(*accepted)


async def test_explain_beyond_the_limit_is_accepted_when_nothing_else_is_in_progress(
    classifier: Classifier, long: str
) -> None:
    explainer = new_explainer(max_characters=1)
    accepted = start(explainer, classifier, [long])
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await start(explainer, classifier, ["superb"])
    assert len(await accepted) == 1
    assert len(await start(explainer, classifier, [long, long])) == 2


async def test_explain_that_cannot_begin_in_time_is_rejected_instead_of_missing_its_deadline(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer(max_characters=10**12, deadline=3)
    first = start(explainer, classifier, [long] * 10_000)  # takes many seconds
    await until(runtime, 1)
    with pytest.raises(Overloaded, match=r"more than 0\.9 seconds"):
        await start(explainer, classifier, ["superb"])
    assert not first.done()
    assert explainer.requests == 1
    with pytest.raises(DeadlineExceeded):
        await first


async def test_explain_beyond_the_deadline_drops_the_rest_and_frees_its_place(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer(max_characters=1, deadline=0.2)
    with pytest.raises(DeadlineExceeded):
        await start(explainer, classifier, [long] * 10_000)  # takes many seconds
    calls = len(runtime.calls)
    await asyncio.sleep(0.05)
    assert len(runtime.calls) == calls
    assert len(await start(explainer, classifier, ["superb"])) == 1


async def test_explain_cancelled_drops_the_rest_and_frees_its_place(
    classifier: Classifier, runtime: FakeRuntime, long: str
) -> None:
    explainer = new_explainer()
    explaining, waiting = (start(explainer, classifier, [long]) for _ in range(2))
    await until(runtime, 2)
    for task in (waiting, explaining):
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    calls = len(runtime.calls)
    assert calls < 9
    assert explainer.requests == 0
    assert len(await start(explainer, classifier, [long])) == 1
    assert len(runtime.calls) == calls + 10
