"""Explanations beside predictions: their budget, and whose turn it is."""

import asyncio

import pytest

from app.inference.batcher import Batcher
from app.inference.classifier import Classifier
from app.inference.errors import DeadlineExceeded, Overloaded
from app.inference.explainer import CHUNK, Explainer
from app.inference.explanation import Occlusion
from app.inference.prediction import Prediction
from app.inference.vocabulary import Row
from app.metrics import Metrics


class Counting(Classifier):
    """A real classifier that notes the number of rows of every call."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(classifier.vocabulary, classifier.runtime)
        self.calls: list[int] = []

    def predict_rows(self, rows: "list[Row]") -> list[Prediction]:  # type: ignore[override]
        self.calls.append(len(rows))
        return super().predict_rows(rows)


@pytest.fixture
def classifier(shipped: dict[str, Classifier]) -> Counting:
    return Counting(shipped["1"])


@pytest.fixture
def long(classifier: Classifier) -> str:
    """A review of nine chunks."""
    return " ".join(list(classifier.vocabulary.word_index)[: 9 * CHUNK - 1])


def explainer_of(
    classifier: Classifier, max_requests: int = 16, max_rows: int = 100_000, deadline: float = 60
) -> Explainer:
    return Explainer(classifier, max_requests, max_rows, deadline)


async def until(classifier: Counting, calls: int) -> None:
    """Give others turns until the network has been called so many times."""
    while len(classifier.calls) < calls:
        await asyncio.sleep(0)


def test_explain_gives_each_caller_the_explanations_of_its_reviews(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier)
        requests = [["a superb film", "awful"], [long], [], ["a superb film"]]
        explained = await asyncio.gather(*map(explainer.explain, requests))
        for reviews, explanations in zip(requests, explained, strict=True):
            for review, explanation in zip(reviews, explanations, strict=True):
                occlusion = Occlusion(classifier.vocabulary, review)
                assert explanation == occlusion.explanation(classifier.predict_rows(list(occlusion.rows())))

    asyncio.run(run())


def test_predictions_are_scored_between_the_chunks_of_an_explanation(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explaining = asyncio.create_task(explainer_of(classifier).explain([long]))
        batcher = Batcher(classifier, 10, 60, Metrics().batch)
        await until(classifier, 1)
        for _ in range(3):
            await batcher.predict(["superb"])
            assert not explaining.done()
        await explaining
        assert [size for size in classifier.calls if size > 1] == [CHUNK] * 9
        between = [i for i, size in enumerate(classifier.calls) if size == 1]
        assert len(between) == 3
        assert between[-1] < len(classifier.calls) - 1

    asyncio.run(run())


def test_short_explanation_does_not_wait_for_the_end_of_a_long_one(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier)
        explaining = asyncio.create_task(explainer.explain([long] * 3))
        await until(classifier, 1)
        await explainer.explain(["a superb film"])
        assert not explaining.done()
        await explaining

    asyncio.run(run())


def test_explain_beyond_the_limit_of_requests_is_rejected_at_once(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier, max_requests=2)
        accepted = [asyncio.create_task(explainer.explain([long])) for _ in range(2)]
        await asyncio.sleep(0)
        assert explainer.full
        with pytest.raises(Overloaded, match="the limit of 2 explanation requests in progress was reached"):
            await explainer.explain(["superb"])
        await asyncio.gather(*accepted)
        assert not explainer.full
        assert len(await explainer.explain(["superb"])) == 1

    asyncio.run(run())


def test_explain_beyond_the_limit_of_rows_is_rejected(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier, max_rows=9 * CHUNK)
        accepted = asyncio.create_task(explainer.explain([long]))
        await until(classifier, 1)
        with pytest.raises(Overloaded, match="the limit of 576 rows of explanations in progress was reached"):
            await explainer.explain(["superb"])
        await accepted
        assert len(await explainer.explain([long, long])) == 2  # one after the other

    asyncio.run(run())


def test_explain_beyond_the_deadline_fails_and_frees_its_place(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier, max_requests=1, max_rows=9 * CHUNK, deadline=0.2)
        with pytest.raises(DeadlineExceeded):
            await explainer.explain([long] * 200)  # takes seconds
        calls = len(classifier.calls)
        await asyncio.sleep(0.05)
        assert len(classifier.calls) == calls
        assert len(await explainer.explain(["superb"])) == 1

    asyncio.run(run())


def test_explain_cancelled_drops_the_remaining_rows_and_frees_its_place(classifier: Counting, long: str) -> None:
    async def run() -> None:
        explainer = explainer_of(classifier, max_requests=1, max_rows=9 * CHUNK)
        explaining = asyncio.create_task(explainer.explain([long]))
        await until(classifier, 2)
        explaining.cancel()
        await asyncio.wait([explaining])
        assert explaining.cancelled()
        assert classifier.calls == [CHUNK] * 2
        assert len(await explainer.explain([long])) == 1

    asyncio.run(run())
