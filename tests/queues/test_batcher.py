"""Concurrent callers share the network without mixing up their predictions."""

import asyncio

import numpy as np
import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import Bundle
from app.model.classifier import Classifier
from app.model.errors import DeadlineExceeded, InferenceError, Overloaded
from app.model.runtimes import BATCH, RUNTIMES
from app.queues.admission import Admission
from app.queues.batcher import Batcher
from app.telemetry.metrics import Metrics, VersionMetrics
from tests.model.test_classifier import FakeRuntime, faked
from tests.probabilities import assert_same
from tests.servers import PATIENCE

pytestmark = pytest.mark.anyio
REVIEWS = [f"a superb film, {'boring ' * (i % 4)}{'awful' if i % 3 else 'great'} number {i}" for i in range(40)]


@pytest.fixture(scope="module", params=RUNTIMES)
def classifier(bundle: Bundle, request: pytest.FixtureRequest) -> Classifier:
    """With one runtime, requests wait for each other; with the other, they do not."""
    return open_classifier(bundle, request.param)


def batcher_of(classifier: Classifier, waiting: Admission | None = None, deadline: float = 60) -> Batcher:
    return Batcher(classifier, waiting or Admission(1000), deadline, VersionMetrics(Metrics(), "1").observe)


async def test_predict_from_many_callers_gives_each_its_own(classifier: Classifier) -> None:
    waiting = Admission(1000)
    batcher = batcher_of(classifier, waiting)
    requests = [REVIEWS[i : i + 1 + i % 3] for i in range(len(REVIEWS) - 3)]
    for found, request in zip(await asyncio.gather(*map(batcher.predict, requests)), requests, strict=True):
        assert_same(found, classifier.predict(request))
    assert waiting.count == 0


async def test_predict_beyond_the_limit_is_rejected_at_once(classifier: Classifier) -> None:
    """Batchers that share a limit count together."""
    waiting = Admission(30)
    batcher, other = batcher_of(classifier, waiting), batcher_of(classifier, waiting)
    accepted = asyncio.create_task(batcher.predict(REVIEWS[:20]))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="limit of 30 waiting reviews"):
        await other.predict(REVIEWS[:11])
    assert waiting.full  # until the queue is half empty: admission rejects the next ones unread
    assert len(await accepted) == 20
    assert not waiting.full
    assert len(await other.predict(REVIEWS[:30])) == 30


@pytest.mark.parametrize(
    "reviews",
    [[f"word {'more ' * (i % 7)}" for i in range(20 * BATCH)], [f"{'long ' * 20_000}{i}" for i in range(8)]],
    ids=["many reviews", "long reviews"],
)
async def test_predict_of_a_large_request_lets_small_ones_pass(classifier: Classifier, reviews: list[str]) -> None:
    batcher = batcher_of(classifier, Admission(10_000))
    large = asyncio.create_task(batcher.predict(reviews))
    await asyncio.sleep(0)
    await asyncio.gather(*(batcher.predict(["a good film"]) for _ in range(10)))
    assert not large.done()
    assert_same(await large, classifier.predict(reviews))


async def test_large_requests_share_batches_fairly(bundle: Bundle) -> None:
    """Four large requests fill a batch with 16 reviews each; their rest goes behind the small one."""
    runtime = FakeRuntime()
    batcher = batcher_of(faked(bundle.vocabulary, runtime))
    large = [asyncio.create_task(batcher.predict(REVIEWS)) for _ in range(4)]
    small = asyncio.create_task(batcher.predict(REVIEWS[:1]))
    await small
    assert len(runtime.calls) == 3  # it was in the second batch; the third runs before this task goes on
    assert not any(task.done() for task in large)
    await asyncio.gather(*large)


async def test_predict_beyond_the_deadline_fails(classifier: Classifier) -> None:
    waiting = Admission(1000)
    batcher = batcher_of(classifier, waiting, deadline=0)
    with pytest.raises(DeadlineExceeded):
        await batcher.predict(REVIEWS)
    assert waiting.count == 0


async def test_predict_cancelled_frees_its_place_unscored(bundle: Bundle) -> None:
    runtime, waiting = FakeRuntime(), Admission(10)
    batcher = batcher_of(faked(bundle.vocabulary, runtime), waiting)
    first, second = (asyncio.create_task(batcher.predict(reviews)) for reviews in (REVIEWS[:1], REVIEWS[:9]))
    await asyncio.sleep(0)
    second.cancel()
    assert len(await first) == 1
    assert runtime.calls == [1]
    assert waiting.count == 0
    assert len(await batcher.predict(REVIEWS[:10])) == 10


async def test_failure_of_one_request_leaves_the_others_alone(bundle: Bundle) -> None:
    awful = bundle.vocabulary.word_index["awful"]
    runtime = FakeRuntime(lambda rows: np.array([np.nan if awful in row.columns else 0.5 for row in rows]))
    waiting = Admission(10)
    batcher = batcher_of(faked(bundle.vocabulary, runtime), waiting)
    requests = (["superb"], ["awful"], ["superb", "film"])
    results = await asyncio.gather(*map(batcher.predict, requests), return_exceptions=True)
    assert [type(result) for result in results] == [list, InferenceError, list]
    assert len(await batcher.predict(["superb"])) == 1
    assert waiting.count == 0


async def test_observer_that_fails_does_not_affect_requests(bundle: Bundle) -> None:
    """Nor those that are scored in parts."""

    def observe(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    waiting = Admission(1000)
    batcher = Batcher(faked(bundle.vocabulary, FakeRuntime()), waiting, 60, observe)
    found = await asyncio.gather(*(batcher.predict(reviews) for reviews in (REVIEWS * 3, REVIEWS[:1], REVIEWS)))
    assert [len(predictions) for predictions in found] == [3 * len(REVIEWS), 1, len(REVIEWS)]
    assert waiting.count == 0


@pytest.mark.parametrize("rejected", [False, True])
async def test_several_batches_share_a_turn_while_requests_are_rejected(bundle: Bundle, rejected: bool) -> None:
    """The rejections would take most of the event loop's time otherwise."""
    runtime, waiting = FakeRuntime(), Admission(3 * BATCH)
    batcher = batcher_of(faked(bundle.vocabulary, runtime), waiting)
    requests = [asyncio.create_task(batcher.predict(["good"] * BATCH)) for _ in range(3)]
    await asyncio.sleep(0)  # all are queued
    if rejected:
        with pytest.raises(Overloaded):
            await batcher.predict(["one more"])
    while not runtime.calls:
        await asyncio.sleep(0)  # one turn of the event loop
    assert (len(runtime.calls) > 1) == rejected
    await asyncio.gather(*requests)


async def test_requests_that_arrive_together_are_one_call(bundle: Bundle) -> None:
    runtime = FakeRuntime()
    batcher = batcher_of(faked(bundle.vocabulary, runtime))
    await asyncio.gather(*(batcher.predict([review]) for review in REVIEWS))
    assert runtime.calls == [40]


@pytest.mark.parametrize(("linger", "calls"), [(0.0, [2, 1, 1]), (3600.0, [2])])
async def test_clients_answered_together_wait_for_each_other_if_the_runtime_gains_by_it(
    bundle: Bundle, linger: float, calls: list[int]
) -> None:
    runtime = FakeRuntime(linger=linger)
    batcher = batcher_of(faked(bundle.vocabulary, runtime))
    await asyncio.gather(batcher.predict(["good"]), batcher.predict(["good"]))
    later = []
    for _ in range(2):
        later.append(asyncio.create_task(batcher.predict(["bad"])))
        await asyncio.sleep(0.05)  # nothing else to do: without lingering, it is scored now
    assert runtime.calls == calls
    for task in later:
        task.cancel()


async def test_single_client_waits_for_nobody(bundle: Bundle) -> None:
    runtime = FakeRuntime(linger=3600)
    batcher = batcher_of(faked(bundle.vocabulary, runtime))
    for review in REVIEWS[:3]:
        await asyncio.wait_for(batcher.predict([review]), PATIENCE)
    assert runtime.calls == [1, 1, 1]
