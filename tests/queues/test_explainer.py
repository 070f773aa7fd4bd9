"""Explanations beside predictions: their limit, their order, and room for predictions between them."""

import asyncio

import pytest

from app.model.classifier import Classifier
from app.model.errors import DeadlineExceeded, Overloaded
from app.model.explanation import Explanation, explain
from app.queues.admission import Admission
from app.queues.batcher import Batcher
from app.queues.explainer import Explainer
from app.telemetry.metrics import Metrics, VersionMetrics

pytestmark = pytest.mark.anyio
REVIEW = "A superb film, but a bit long."


@pytest.fixture
def classifier(shipped: dict[str, Classifier]) -> Classifier:
    return shipped["1"]


def start(explainer: Explainer, classifier: Classifier, reviews: list[str]) -> "asyncio.Task[list[Explanation]]":
    return asyncio.create_task(explainer.explain(classifier, reviews, lambda explanation: explanation))


async def test_explain_gives_each_caller_the_explanations_of_its_reviews(classifier: Classifier) -> None:
    explainer = Explainer(10, 60)
    requests = [["a superb film", "awful"], [REVIEW], [], ["a superb film"]]
    found = await asyncio.gather(*(start(explainer, classifier, reviews) for reviews in requests))
    assert found == [[explain(classifier, review) for review in reviews] for reviews in requests]


async def test_predictions_are_scored_between_explanations(classifier: Classifier) -> None:
    explaining = start(Explainer(100, 60), classifier, [REVIEW] * 20)
    batcher = Batcher(classifier, Admission(10), 60, VersionMetrics(Metrics(), "1").observe)
    for _ in range(3):
        await batcher.predict(["superb"])
        assert not explaining.done()
    assert len(await explaining) == 20


async def test_explanations_finish_in_the_order_of_arrival(classifier: Classifier) -> None:
    explainer = Explainer(10, 60)
    finished: list[int] = []
    requests = [start(explainer, classifier, [REVIEW] * count) for count in (3, 1, 2, 1)]
    for number, request in enumerate(requests):
        request.add_done_callback(lambda _, number=number: finished.append(number))  # type: ignore[misc]
    await asyncio.gather(*requests)
    await asyncio.sleep(0)
    assert finished == [0, 1, 2, 3]


async def test_explain_beyond_the_limit_is_rejected_until_half_of_it_is_free(classifier: Classifier) -> None:
    explainer = Explainer(300, 60)
    first, second, third = [start(explainer, classifier, [REVIEW] * 100) for _ in range(3)]
    await asyncio.sleep(0)
    assert not explainer.admission.full
    with pytest.raises(Overloaded, match="limit of 300 reviews that are being explained was reached"):
        await start(explainer, classifier, ["superb"])
    assert explainer.admission.full  # admission rejects the next ones unread
    for waiting, full in ((third, True), (second, False)):
        waiting.cancel()
        await asyncio.wait([waiting])
        assert explainer.admission.full is full
    first.cancel()


async def test_explain_beyond_the_limit_is_accepted_when_nothing_else_is_in_progress(classifier: Classifier) -> None:
    explainer = Explainer(1, 60)
    accepted = start(explainer, classifier, [REVIEW] * 2)
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await start(explainer, classifier, ["superb"])
    assert len(await accepted) == 2
    assert len(await start(explainer, classifier, [REVIEW])) == 1


async def test_explain_beyond_the_deadline_drops_the_rest_and_frees_its_place(classifier: Classifier) -> None:
    """Also if it has only waited."""
    explainer = Explainer(30_000, 0.1)
    reviews = [REVIEW] * 10_000  # takes seconds
    for request in (start(explainer, classifier, reviews), start(explainer, classifier, reviews)):
        with pytest.raises(DeadlineExceeded):
            await request
    assert explainer.admission.count == 0
    assert len(await start(explainer, classifier, [REVIEW])) == 1


async def test_explain_cancelled_drops_the_rest_and_frees_its_place(classifier: Classifier) -> None:
    explainer = Explainer(30_000, 60)
    explaining, waiting = (start(explainer, classifier, [REVIEW] * 10_000) for _ in range(2))
    await asyncio.sleep(0.01)
    for task in (waiting, explaining):
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert explainer.admission.count == 0
    assert len(await start(explainer, classifier, [REVIEW])) == 1
