"""GET /metrics of real processes: the numbers match what was sent, with any number of workers."""

import platform
import time
from pathlib import Path

import httpx
import pytest

from app import __version__
from app.bundles.profile import profile_of
from app.model.prediction import UncertaintyRule, prediction_of
from tests.raw_http import connected
from tests.scraping import Numbers, number, scrape
from tests.servers import PATIENCE, Server, serving, wait_until

both = pytest.mark.parametrize("workers", [1, 2])
INFER = "/v2/models/{model_name}/infer"
VERSIONED_INFER = "/v2/models/{model_name}/versions/{model_version}/infer"
TENSORFLOW_PREDICT = "/v1/models/{model_name}:predict"


def rejections(numbers: Numbers) -> dict[str, float]:
    """Reason -> number of rejections, unless it is 0."""
    counts = {dict(labels).get("reason", ""): count for (_, labels), count in numbers.items()}
    return {reason: count for reason, count in counts.items() if reason and count}


def requests(numbers: Numbers, route: str, status: int, method: str = "POST") -> float:
    return number(numbers, "http_requests_total", method=method, route=route, status=str(status))


def predict(server: Server, reviews: list[str]) -> int:
    """Over a new connection, so that any worker may accept it."""
    return httpx.post(f"{server.url}/predict", json={"reviews": reviews}, timeout=PATIENCE).status_code


@both
def test_metrics_count_what_was_sent(models: Path, workers: int) -> None:
    began = time.time()
    with serving(model_dir=models, workers=workers, runtime="numpy", max_reviews=8) as server:
        before = scrape(server.url)
        for size in range(1, 7):
            assert predict(server, ["superb xyzzy film"] * size) == 200
        for _ in range(3):
            assert predict(server, ["superb"] * 9) == 422
        assert httpx.post(f"{server.url}/explain", json={"reviews": ["superb", "film"]}).status_code == 200
        for path in ("/nowhere", "/v2/models/elsewhere/ready"):
            assert httpx.get(f"{server.url}{path}").status_code == 404
        assert httpx.request("PROPFIND", f"{server.url}/predict").status_code == 405
        assert httpx.post(f"{server.url}/v2/models/tiny/infer").status_code == 400
        numbers = scrape(server.url)
        digest = httpx.get(f"{server.url}/model").json()["digest"]
    # A rate misses the first event of a new series, so those that alerts compare are there from the start.
    for route in ("/predict", "/explain", INFER, VERSIONED_INFER, TENSORFLOW_PREDICT):
        assert [requests(before, route, status) for status in (200, 500, 503, 504)] == [0, 0, 0, 0]
    for reason in ("overloaded", "not-serving", "internal-error"):
        assert number(before, "rejections_total", reason=reason) == 0
    assert [requests(numbers, "/predict", status) for status in (200, 422, 500, 503, 504)] == [6, 3, 0, 0, 0]
    assert requests(numbers, "/explain", 200) == requests(numbers, INFER, 400) == 1
    assert requests(numbers, "other", 404, "GET") == 1
    assert requests(numbers, "/v2/models/{model_name}/ready", 404, "GET") == 1
    assert requests(numbers, "/predict", 405, "other") == 1
    assert number(numbers, "http_request_duration_seconds_count", route="/explain") == 1
    assert 0 < number(numbers, "http_request_duration_seconds_sum", route="/predict") < PATIENCE
    once = ("not-found", "method-not-allowed", "invalid-request", "model-not-found")
    assert rejections(numbers) == {"too-many-reviews": 3} | dict.fromkeys(once, 1)
    assert (number(numbers, "reviews_total"), number(numbers, "explained_reviews_total")) == (21, 2)
    assert (number(numbers, "batch_reviews_count"), number(numbers, "batch_reviews_sum")) == (6, 21)
    assert number(numbers, "batch_reviews_bucket", le="4.0") == 4
    for stage in ("queue", "text", "model"):
        assert number(numbers, "stage_duration_seconds_count", stage=stage) == 6
        assert number(numbers, "stage_duration_seconds_sum", stage=stage) > 0
    for feature in ("positive_probability", "review_words", "unknown_share"):
        assert number(numbers, f"{feature}_bucket", le="+Inf") == 21
    assert (number(numbers, "review_words_bucket", le="10.0"), number(numbers, "review_words_sum")) == (21, 63)
    assert number(numbers, "unknown_share_sum") == pytest.approx(7)
    assert 21 / 2 < number(numbers, "expected_correct_total") < 21
    assert number(numbers, "waiting_reviews_limit") == 1024 * workers
    assert number(numbers, "workers") == number(numbers, "workers_ready") == workers
    assert number(numbers, "worker_restarts_total") == 0
    assert number(numbers, "build_info", version=__version__, python=platform.python_version()) == 1
    (started,) = [value for (name, _), value in numbers.items() if name == "process_start_time_seconds"]
    assert began <= started <= time.time()
    assert number(numbers, "bundle_info", name="tiny", version="1", digest=digest, runtime="numpy") == 1
    assert 50e6 < number(numbers, "memory_bytes") < 5e9


def test_training_share_has_the_buckets_of_the_histogram_it_is_compared_with(server: Server) -> None:
    numbers = scrape(server.url)
    for feature, histogram in (("words", "review_words"), ("positive_probability", "positive_probability")):
        shares = {dict(labels)["le"]: share for (_, labels), share in numbers.items() if ("feature", feature) in labels}
        buckets = {dict(labels)["le"] for name, labels in numbers if name == f"sentiment_{histogram}_bucket"}
        assert shares.keys() == buckets
        ascending = [shares[bound] for bound in sorted(shares, key=float)]
        assert ascending == sorted(ascending)
        assert 0 <= ascending[0] <= ascending[-1] == 1


def test_open_connections_are_counted(server: Server) -> None:
    with connected(server), connected(server), connected(server):
        wait_until(lambda: number(scrape(server.url), "open_connections") >= 3)


@both
def test_metrics_have_a_port_of_their_own(models: Path, workers: int, free_port: int) -> None:
    key = "a-key-of-sixteen"
    with serving(model_dir=models, workers=workers, runtime="numpy", metrics_port=free_port, api_keys=key) as server:
        headers = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == 404
        assert number(scrape(f"http://127.0.0.1:{free_port}"), "workers_ready") == workers


def test_profile_counts_into_inclusive_bins() -> None:
    spread = [(0.1, 10, 10), (0.11, 11, 0), (1.0, 5000, 4750)]
    rule = UncertaintyRule(above=0.5, below=0.5, min_known_words=0, min_known_share=0)
    profile = profile_of(prediction_of(*features, rule) for features in spread)
    assert profile.positive_probability.counts == (1, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert profile.words.counts == (1, 1, 0, 0, 0, 0, 0, 0, 1)
    assert profile.unknown_share.counts == (2, 0, 0, 0, 0, 0, 0, 0, 0, 1)
