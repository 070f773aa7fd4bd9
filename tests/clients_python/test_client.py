"""The Python client gets what the service returns, in the order of the reviews, however many there are."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from review_sentiment_client import SentimentClient, ServiceError
from tests.clients_python.conftest import Connect
from tests.corpus import BAD, GOOD
from tests.models import MODELS, NEWEST, VERSIONS
from tests.probabilities import LAST_BITS, assert_same
from tests.proxies import Reply, proxying
from tests.servers import ROOT, Server, run_python, serving

JSON = {"Content-Type": "application/json"}
KEY = "the-key-which-is-long-enough"
REVIEWS = ["A superb and moving film", '😀 ünï <br/> \\ "dull"', "awful " * 40]
MANY = [f"{good} but {bad}" for good in GOOD[:5] for bad in BAD]
"""50 reviews."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A service with several versions and an API key."""
    with serving(model_dir=MODELS, model_version="all", runtime="numpy", api_keys=KEY) as server:
        yield server


def post(url: str, reviews: list[str], **fields: Any) -> list[dict[str, Any]]:
    """The results in the response to one request."""
    response = httpx.post(url, json={"reviews": reviews, **fields}, headers={"Authorization": f"Bearer {KEY}"})
    content = response.raise_for_status().json()
    results: list[dict[str, Any]] = content.get("predictions") or content["explanations"]
    return results


def as_json(results: Sequence[Any]) -> list[dict[str, Any]]:
    """The results as the service sent them; fields that it left out are None in the client."""
    return [asdict(result, dict_factory=lambda items: {k: v for k, v in items if v is not None}) for result in results]


def test_results_equal_the_responses(connect: Connect, limited: Server) -> None:
    client = connect(limited.url)
    assert as_json(client.predict(REVIEWS)) == post(f"{limited.url}/predict", REVIEWS)
    assert as_json(client.explain(REVIEWS)) == post(f"{limited.url}/explain", REVIEWS)
    assert as_json(client.explain(REVIEWS, top=0)) == post(f"{limited.url}/explain", REVIEWS, top=0)
    assert asdict(client.model()) == httpx.get(f"{limited.url}/model").json()


def test_many_reviews_are_split_and_stay_in_order(connect: Connect, limited: Server) -> None:
    """The limit is eight reviews in one request, for predictions and explanations."""
    singles = [post(f"{limited.url}/predict", [review])[0] for review in MANY]
    assert len({single["positive_probability"] for single in singles}) > 40
    with proxying(limited.url, []) as proxy:
        client = connect(proxy.url)
        predictions, explanations = client.predict(MANY), client.explain(MANY, top=1)
    assert_same(as_json(predictions), singles)
    assert [explanation.positive_probability for explanation in explanations] == pytest.approx(
        [prediction.positive_probability for prediction in predictions], abs=LAST_BITS
    )
    assert [len(explanation.terms) for explanation in explanations] == [1] * len(MANY)
    requests = -(-len(MANY) // 8)
    assert [request.path for request in proxy.received] == [
        "/model",
        *["/predict"] * requests,
        *["/explain"] * requests,
    ]


def test_large_reviews_are_split_by_bytes(connect: Connect, limited: Server) -> None:
    """The limit is 20,000 bytes in one request."""
    reviews = [f"{word} {'😀ü' * 450}" for word in (*GOOD, *BAD)]
    with proxying(limited.url, []) as proxy:
        predictions = connect(proxy.url).predict(reviews)
    singles = [post(f"{limited.url}/predict", [review])[0] for review in reviews]
    assert_same(as_json(predictions), singles)
    bodies = [request.body for request in proxy.received[1:]]
    assert 1 < len(bodies) < len(reviews) / 2
    smallest = min(len(review.encode()) for review in reviews)
    assert all(20_000 - smallest - 20 < len(body) <= 20_000 for body in bodies[:-1])


def test_body_fills_the_limit_exactly(connect: Connect, limited: Server) -> None:
    """One byte more needs another request."""
    reviews = ["…" * 940] * 7  # three bytes each
    rest = 20_000 - len(json.dumps({"reviews": [*reviews, ""]}, ensure_ascii=False, separators=(",", ":")).encode())
    with proxying(limited.url, []) as proxy:
        client = connect(proxy.url)
        client.predict([*reviews, "a" * rest])
        client.predict([*reviews, "a" * (rest + 1)])
    _, exact, most, last = (request.body for request in proxy.received)
    assert len(exact) == 20_000
    assert [len(json.loads(body)["reviews"]) for body in (most, last)] == [7, 1]


def test_sentiment_of_a_later_service_is_accepted(connect: Connect, limited: Server) -> None:
    """The document says that later versions may add values."""
    for method in ("predict", "explain"):
        content = httpx.post(f"{limited.url}/{method}", json={"reviews": REVIEWS[:1]}).content
        changed = re.sub(rb'"sentiment":"\w+"', b'"sentiment":"mixed"', content)
        model = Reply(200, httpx.get(f"{limited.url}/model").content, JSON)
        with proxying(limited.url, [model, Reply(200, changed, JSON)]) as proxy:
            (result,) = getattr(connect(proxy.url), method)(REVIEWS[:1])
        assert result.sentiment == "mixed"


def test_no_reviews_have_no_results(connect: Connect, limited: Server) -> None:
    client = connect(limited.url)
    assert client.predict([]) == []
    assert client.explain(()) == []


def test_single_text_is_rejected(connect: Connect, limited: Server) -> None:
    """It would count as a list of characters."""
    with pytest.raises(TypeError, match="a list of texts"):
        connect(limited.url).predict("A superb film")
    with pytest.raises(TypeError, match="a list of texts, but number 1 is float"):
        connect(limited.url).predict(["A superb film", float("nan")])  # type: ignore[list-item]


def test_blocking_client_works_anywhere(limited: Server) -> None:
    """In a running event loop, in a process that forked after it was created, and without `close`."""
    program = """
import asyncio, os, sys, warnings
from review_sentiment_client import SentimentClient
async def main():
    return client.predict(["A superb film"])
client = SentimentClient(sys.argv[1])
if os.fork():
    _, status = os.wait()
    assert status == 0
print(asyncio.run(main())[0].sentiment)
del client
client = SentimentClient(sys.argv[1])
client.model()
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "clients/python")}
    done = run_python("-W", "error", "-c", program, limited.url, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "positive\n" * 2, "")


def test_closed_client_says_so(limited: Server) -> None:
    with SentimentClient(limited.url) as client:
        client.model()
    with pytest.raises(RuntimeError, match="Create another one"):
        client.model()


def test_key_and_version_are_sent(connect: Connect, guarded: Server) -> None:
    client = connect(f"{guarded.url}/", KEY)
    for version in VERSIONS:
        for method, path in ((client.predict, "predict"), (client.explain, "explain")):
            results = as_json(method(REVIEWS, version=version))
            assert results == post(f"{guarded.url}/{path}?version={version}", REVIEWS)
        assert client.model(version).version == version
    newest, *others = (client.predict(REVIEWS, version) for version in (NEWEST, *(set(VERSIONS) - {NEWEST})))
    assert client.predict(REVIEWS) == newest
    assert newest not in others
    with pytest.raises(ServiceError, match="404: Only imdb, versions"):
        client.predict(REVIEWS, version="none")
    with pytest.raises(ServiceError, match="401: An API key is required") as caught:
        connect(guarded.url).predict(REVIEWS)
    assert caught.value.type == "/problems/unauthorized"
