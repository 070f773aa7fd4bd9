"""Concurrent callers share the model without mixing up their answers."""

import asyncio

import numpy as np
import pytest
from app.inference.scorer import Scorer
from app.metrics.recorder import Recorder
from numpy.typing import NDArray

from app.inference.bundle import Bundle
from app.inference.classifier import BATCH, Classifier, open_classifier
from app.inference.errors import InferenceError, Overloaded
from app.inference.runtimes import RUNTIMES
from tests.servers import PATIENCE

REVIEWS = [f"a superb film, {'boring ' * (i % 4)}{'awful' if i % 3 else 'great'} number {i}" for i in range(40)]


@pytest.fixture(scope="module", params=RUNTIMES)
def classifier(bundle: Bundle, request: pytest.FixtureRequest) -> Classifier:
    """One that lets requests wait for each other, and one that does not."""
    return open_classifier(bundle, request.param)


def test_predict_from_many_callers_gives_each_its_own(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(classifier, max_waiting=1000, deadline=60, observer=Recorder())
        batches = [REVIEWS[i : i + 1 + i % 3] for i in range(len(REVIEWS) - 3)]
        answers = await asyncio.gather(*(scorer.predict(batch) for batch in batches))
        for batch, answer in zip(batches, answers, strict=True):
            expected = classifier.predict(batch)
            got = [prediction.positive_probability for prediction in answer]
            np.testing.assert_allclose(got, [prediction.positive_probability for prediction in expected], atol=1e-6)
        assert scorer.waiting == 0

    asyncio.run(run())


def test_predict_beyond_the_bound_is_refused_at_once(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(classifier, max_waiting=30, deadline=60, observer=Recorder())
        accepted = asyncio.create_task(scorer.predict(REVIEWS[:20]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="20 reviews are waiting, 11 more would exceed the limit of 30"):
            await scorer.predict(REVIEWS[:11])
        assert len(await accepted) == 20
        assert len(await scorer.predict(REVIEWS[:30])) == 30

    asyncio.run(run())


def test_predict_of_a_large_request_lets_small_ones_pass(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(classifier, max_waiting=10_000, deadline=60, observer=Recorder())
        finished: list[str] = []

        async def ask(name: str, reviews: list[str]) -> None:
            answers = await scorer.predict(reviews)
            expected = [prediction.words for prediction in classifier.predict(reviews)]
            assert [prediction.words for prediction in answers] == expected
            finished.append(name)

        large = asyncio.create_task(ask("large", [f"word {'more ' * (i % 7)}" for i in range(20 * BATCH)]))
        await asyncio.sleep(0)
        small = [asyncio.create_task(ask("small", ["a good film"])) for _ in range(10)]
        await asyncio.gather(large, *small)
        assert finished == ["small"] * 10 + ["large"]

    asyncio.run(run())


def test_predict_of_long_reviews_goes_in_parts(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(classifier, max_waiting=100, deadline=60, observer=Recorder())
        reviews = [f"{'long ' * 20_000}{i}" for i in range(3)] + ["short"]
        assert [prediction.words for prediction in await scorer.predict(reviews)] == [20_001] * 3 + [1]

    asyncio.run(run())


def test_predict_cancelled_frees_its_place(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(classifier, max_waiting=10, deadline=60, observer=Recorder())
        first = asyncio.create_task(scorer.predict(REVIEWS[:1]))
        await asyncio.sleep(0)
        gone = asyncio.create_task(scorer.predict(REVIEWS[:9]))
        await asyncio.sleep(0)
        gone.cancel()
        assert len(await first) == 1
        assert len(await scorer.predict(REVIEWS[:10])) == 10
        assert scorer.waiting == 0

    asyncio.run(run())


class FailsOnce:
    """A runtime whose first call fails."""

    columns = 10_000
    linger = 0.0
    fewest = 1

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        return np.full(len(multi_hot), np.nan if self.calls == 1 else 0.5, np.float32)


def test_predict_after_a_failure_works_again(classifier: Classifier) -> None:
    async def run() -> None:
        scorer = Scorer(
            Classifier(classifier.vocabulary, FailsOnce()), max_waiting=10, deadline=60, observer=Recorder()
        )
        with pytest.raises(InferenceError):
            await scorer.predict(["good"])
        assert [prediction.positive_probability for prediction in await scorer.predict(["good"])] == [0.5]
        assert scorer.waiting == 0

    asyncio.run(run())


class FailsOn:
    """A runtime that has no answer for rows with one column on."""

    columns = 10_000
    linger = 0.0
    fewest = 1

    def __init__(self, column: int) -> None:
        self.column = column

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(multi_hot[:, self.column] > 0, np.float32("nan"), np.float32(0.5))


def test_failure_of_one_request_leaves_its_neighbours_alone(classifier: Classifier) -> None:
    async def run() -> None:
        vocabulary = classifier.vocabulary
        scorer = Scorer(
            Classifier(vocabulary, FailsOn(vocabulary.word_index["awful"])),
            max_waiting=10,
            deadline=60,
            observer=Recorder(),
        )
        requests = (["superb"], ["awful"], ["superb", "film"])
        answers = await asyncio.gather(*map(scorer.predict, requests), return_exceptions=True)
        assert [type(answer) for answer in answers] == [list, InferenceError, list]
        assert scorer.waiting == 0

    asyncio.run(run())


class Counts:
    """A runtime that remembers how many rows it was called with each time."""

    columns = 10_000
    fewest = 1

    def __init__(self, linger: float = 0.0) -> None:
        self.linger = linger
        self.calls: list[int] = []

    def __call__(self, multi_hot: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls.append(len(multi_hot))
        return np.full(len(multi_hot), 0.5, np.float32)


def test_predict_of_what_arrives_together_is_one_call(classifier: Classifier) -> None:
    async def run() -> None:
        runtime = Counts()
        scorer = Scorer(Classifier(classifier.vocabulary, runtime), max_waiting=100, deadline=60, observer=Recorder())
        await asyncio.gather(*(scorer.predict([review]) for review in REVIEWS))
        await scorer.predict(["alone"])
        assert runtime.calls == [64, 1]  # 40 rows are padded to 64

    asyncio.run(run())


@pytest.mark.parametrize(("linger", "calls"), [(0.0, [2, 1, 1]), (0.5, [2, 2])])
def test_those_who_came_together_wait_for_each_other_where_the_runtime_gains_by_it(
    classifier: Classifier, linger: float, calls: list[int]
) -> None:
    async def run() -> None:
        runtime = Counts(linger)
        scorer = Scorer(Classifier(classifier.vocabulary, runtime), max_waiting=100, deadline=60, observer=Recorder())

        async def ask_twice(pause: float) -> None:
            await scorer.predict(["good"])
            await asyncio.sleep(pause)
            await scorer.predict(["bad"])

        await asyncio.gather(ask_twice(0.0), ask_twice(0.05))
        assert runtime.calls == calls

    asyncio.run(run())


def test_who_comes_alone_waits_for_nobody(classifier: Classifier) -> None:
    async def run() -> None:
        runtime = Counts(linger=3600)
        scorer = Scorer(Classifier(classifier.vocabulary, runtime), max_waiting=100, deadline=60, observer=Recorder())
        for review in REVIEWS[:3]:
            await asyncio.wait_for(scorer.predict([review]), PATIENCE)
        assert runtime.calls == [1, 1, 1]

    asyncio.run(run())
