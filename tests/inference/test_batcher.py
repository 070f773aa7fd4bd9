"""Concurrent callers share the network without mixing up their predictions."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from app.inference.batcher import Batcher
from app.inference.bundle import Bundle
from app.inference.classifier import BATCH, Classifier, open_classifier
from app.inference.errors import DeadlineExceeded, InferenceError, Overloaded
from app.inference.runtimes import RUNTIMES
from app.metrics import Metrics
from tests.servers import PATIENCE

REVIEWS = [f"a superb film, {'boring ' * (i % 4)}{'awful' if i % 3 else 'great'} number {i}" for i in range(40)]


@pytest.fixture(scope="module", params=RUNTIMES)
def classifier(bundle: Bundle, request: pytest.FixtureRequest) -> Classifier:
    """One that lets requests wait for each other, and one that does not."""
    return open_classifier(bundle, request.param)


def batcher_of(classifier: Classifier, max_waiting: int = 1000, deadline: float = 60) -> Batcher:
    return Batcher(classifier, max_waiting, deadline, Metrics().batch)


def test_predict_from_many_callers_gives_each_its_own(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier)
        requests = [REVIEWS[i : i + 1 + i % 3] for i in range(len(REVIEWS) - 3)]
        assert await asyncio.gather(*map(batcher.predict, requests)) == [*map(classifier.predict, requests)]
        assert batcher.waiting == 0

    asyncio.run(run())


def test_predict_beyond_the_limit_is_rejected_at_once(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier, max_waiting=30)
        accepted = asyncio.create_task(batcher.predict(REVIEWS[:20]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="the limit of 30 waiting reviews was reached"):
            await batcher.predict(REVIEWS[:11])
        assert batcher.full  # until the queue is half empty: admission rejects the next ones unread
        assert len(await accepted) == 20
        assert not batcher.full
        assert len(await batcher.predict(REVIEWS[:30])) == 30

    asyncio.run(run())


def test_predict_of_a_large_request_lets_small_ones_pass(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier, max_waiting=10_000)
        finished: list[str] = []

        async def predict(name: str, reviews: Sequence[str]) -> None:
            predictions = await batcher.predict(reviews)
            assert predictions == classifier.predict(reviews)
            finished.append(name)

        large = asyncio.create_task(predict("large", [f"word {'more ' * (i % 7)}" for i in range(20 * BATCH)]))
        await asyncio.sleep(0)
        small = [asyncio.create_task(predict("small", ["a good film"])) for _ in range(10)]
        await asyncio.gather(large, *small)
        assert finished == ["small"] * 10 + ["large"]

    asyncio.run(run())


def test_predict_of_long_reviews_lets_others_pass(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier)
        long = asyncio.create_task(batcher.predict([f"{'long ' * 20_000}{i}" for i in range(3)]))
        await asyncio.sleep(0)
        await batcher.predict(["short"])
        assert not long.done()
        assert [prediction.words for prediction in await long] == [20_001] * 3

    asyncio.run(run())


def test_predict_beyond_the_deadline_fails_without_being_scored(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier, deadline=0)
        with pytest.raises(DeadlineExceeded):
            await batcher.predict(REVIEWS)
        assert batcher.waiting == 0

    asyncio.run(run())


def test_predict_cancelled_frees_its_place(classifier: Classifier) -> None:
    async def run() -> None:
        batcher = batcher_of(classifier, max_waiting=10)
        first = asyncio.create_task(batcher.predict(REVIEWS[:1]))
        await asyncio.sleep(0)
        gone = asyncio.create_task(batcher.predict(REVIEWS[:9]))
        await asyncio.sleep(0)
        gone.cancel()
        assert len(await first) == 1
        assert batcher.waiting == 0
        assert len(await batcher.predict(REVIEWS[:10])) == 10

    asyncio.run(run())


class FakeRuntime:
    """A network that rates every row 0.5, but rows with the column `fails_on` NaN; `calls` lists their batch sizes."""

    columns = 10_000
    min_rows = 1

    def __init__(self, fails_on: int | None = None, linger: float = 0.0) -> None:
        self.fails_on = fails_on
        self.linger = linger
        self.calls: list[int] = []

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls.append(len(multi_hot))
        probabilities = np.full(len(multi_hot), 0.5, np.float32)
        if self.fails_on is not None:
            probabilities[multi_hot[:, self.fails_on] > 0] = np.nan
        return probabilities


def test_failure_of_one_request_leaves_the_others_alone(bundle: Bundle) -> None:
    async def run() -> None:
        runtime = FakeRuntime(fails_on=bundle.vocabulary.word_index["awful"])
        batcher = batcher_of(Classifier(bundle.vocabulary, runtime))
        requests = (["superb"], ["awful"], ["superb", "film"])
        results = await asyncio.gather(*map(batcher.predict, requests), return_exceptions=True)
        assert [type(result) for result in results] == [list, InferenceError, list]
        assert len(await batcher.predict(["superb"])) == 1
        assert batcher.waiting == 0

    asyncio.run(run())


class Unmeasurable(str):
    """A text that raises when the batcher asks for its length."""

    __slots__ = ()

    def __len__(self) -> int:
        raise MemoryError


@pytest.mark.parametrize("failing", ["text", "observer"])
def test_failure_around_a_batch_leaves_nothing_behind(classifier: Classifier, failing: str) -> None:
    """While it is formed, or after it was scored."""

    def observe(*_: object, **__: object) -> None:
        nonlocal failing
        if failing == "observer":
            raise OSError(28, "No space left on device")

    async def run() -> None:
        nonlocal failing
        batcher = Batcher(classifier, 10, 60, observe)
        text = Unmeasurable("awful") if failing == "text" else "awful"
        requests = [batcher.predict(texts) for texts in (["superb"], [text], ["superb", "film"])]
        results = await asyncio.wait_for(asyncio.gather(*requests, return_exceptions=True), PATIENCE)
        assert any(isinstance(result, (MemoryError, OSError)) for result in results)
        assert batcher.waiting == 0
        failing = "nothing"
        assert len(await asyncio.wait_for(batcher.predict(REVIEWS[:10]), PATIENCE)) == 10

    asyncio.run(run())


@pytest.mark.parametrize("rejected", [False, True])
def test_several_batches_share_a_turn_while_requests_are_rejected(bundle: Bundle, rejected: bool) -> None:
    """The rejections would take most of the event loop's time otherwise."""

    async def run() -> None:
        runtime = FakeRuntime()
        batcher = batcher_of(Classifier(bundle.vocabulary, runtime), max_waiting=3 * BATCH)
        requests = [asyncio.create_task(batcher.predict(["good"] * BATCH)) for _ in range(3)]
        await asyncio.sleep(0)  # all are queued
        if rejected:
            with pytest.raises(Overloaded):
                await batcher.predict(["one more"])
        while not runtime.calls:
            await asyncio.sleep(0)  # one turn of the event loop
        assert (len(runtime.calls) > 1) == rejected
        await asyncio.gather(*requests)

    asyncio.run(run())


def test_requests_that_arrive_together_are_one_call(bundle: Bundle) -> None:
    async def run() -> None:
        runtime = FakeRuntime()
        batcher = batcher_of(Classifier(bundle.vocabulary, runtime))
        await asyncio.gather(*(batcher.predict([review]) for review in REVIEWS))
        await batcher.predict(["alone"])
        assert runtime.calls == [64, 1]  # 40 rows are padded to 64

    asyncio.run(run())


@pytest.mark.parametrize(("linger", "calls"), [(0.0, [2, 1, 1]), (3600.0, [2])])
def test_clients_answered_together_wait_for_each_other_if_the_runtime_gains_by_it(
    bundle: Bundle, linger: float, calls: list[int]
) -> None:
    async def run() -> None:
        runtime = FakeRuntime(linger=linger)
        batcher = batcher_of(Classifier(bundle.vocabulary, runtime))
        await asyncio.gather(batcher.predict(["good"]), batcher.predict(["good"]))
        later = [asyncio.create_task(batcher.predict(["bad"]))]
        await asyncio.sleep(0.05)  # nothing else to do: without lingering, it is scored now
        later.append(asyncio.create_task(batcher.predict(["bad"])))
        await asyncio.sleep(0.05)
        assert runtime.calls == calls
        for task in later:
            task.cancel()

    asyncio.run(run())


def test_single_client_waits_for_nobody(bundle: Bundle) -> None:
    async def run() -> None:
        runtime = FakeRuntime(linger=3600)
        batcher = batcher_of(Classifier(bundle.vocabulary, runtime))
        for review in REVIEWS[:3]:
            await asyncio.wait_for(batcher.predict([review]), PATIENCE)
        assert runtime.calls == [1, 1, 1]

    asyncio.run(run())
