"""GET /metrics of real processes: every number follows from what was sent, however many workers share the work."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.inference.prediction import Prediction
from app.inference.profile import profile_of
from tests.clients import answered, load, outcomes_of
from tests.scraping import Numbers, number, scrape
from tests.servers import PATIENCE, Server, run_app, serving, wait_until

both = pytest.mark.parametrize("workers", [1, 2])
INFER = "/v2/models/{model_name}/infer"
VERSIONED_INFER = "/v2/models/{model_name}/versions/{model_version}/infer"
TENSORFLOW_PREDICT = "/v1/models/{model_name}:predict"


def rejections(numbers: Numbers) -> dict[str, float]:
    """Reason -> how often, if ever."""
    found = [(dict(labels), value) for (name, labels), value in numbers.items() if name.endswith("_rejections_total")]
    return {labels["reason"]: value for labels, value in found if value}


def requests(numbers: Numbers, route: str, status: int, method: str = "POST") -> float:
    return number(numbers, "http_requests_total", method=method, route=route, status=str(status))


def predict(server: Server, reviews: list[str]) -> int:
    """Over a new connection, so that any worker may accept it."""
    return httpx.post(f"{server.url}/predict", json={"reviews": reviews}, timeout=PATIENCE).status_code


@both
def test_metrics_count_what_was_sent(models: Path, workers: int) -> None:
    with serving(model_dir=models, workers=workers, runtime="litert", max_reviews=8) as server:
        for size in range(1, 7):
            assert predict(server, ["superb xyzzy film"] * size) == 200
        for _ in range(3):
            assert predict(server, ["superb"] * 9) == 422
        assert httpx.post(f"{server.url}/explain", json={"reviews": ["superb", "film"]}).status_code == 200
        for path in ("/nowhere", "/v2/models/elsewhere/ready"):
            assert httpx.get(f"{server.url}{path}").status_code == 404
        assert httpx.request("BREW", f"{server.url}/predict").status_code == 405
        for name, status in (("tiny", 400), ("tiny/versions/1", 400), ("elsewhere", 404)):
            assert httpx.post(f"{server.url}/v2/models/{name}/infer").status_code == status
            assert httpx.post(f"{server.url}/v1/models/{name}:predict").status_code == status
        numbers = scrape(server.url)
        digest = httpx.get(f"{server.url}/model").json()["digest"]
    assert [requests(numbers, "/predict", status) for status in (200, 422, 500, 503, 504)] == [6, 3, 0, 0, 0]
    assert requests(numbers, "/explain", 200) == 1
    assert requests(numbers, "other", 404, "GET") == 1
    assert requests(numbers, "/v2/models/{model_name}/ready", 404, "GET") == 1
    assert requests(numbers, "/predict", 405, "other") == 1
    for route in (INFER, TENSORFLOW_PREDICT):
        assert (requests(numbers, route, 400), requests(numbers, route, 404)) == (1, 1)
    assert requests(numbers, VERSIONED_INFER, 400) == 1
    assert number(numbers, "http_request_duration_seconds_count", route="/explain") == 1
    assert 0 < number(numbers, "http_request_duration_seconds_sum", route="/predict") < PATIENCE
    assert rejections(numbers) == {
        "too-many-reviews": 3,
        "not-found": 1,
        "method-not-allowed": 1,
        "invalid-request": 4,
        "model-not-found": 3,
    }
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
    assert number(numbers, "waiting_reviews_limit") == 1024 * workers
    assert number(numbers, "workers") == number(numbers, "workers_ready") == workers
    assert number(numbers, "bundle_info", name="tiny", version="1", digest=digest, runtime="litert") == 1
    assert 50e6 < number(numbers, "memory_bytes") < 5e9


def test_series_that_alerts_compare_exist_before_the_first_request(models: Path) -> None:
    """A rate misses the first event of a new series."""
    with serving(model_dir=models, runtime="litert") as server:
        numbers = scrape(server.url)
    for route in ("/predict", "/explain", INFER, VERSIONED_INFER, TENSORFLOW_PREDICT):
        assert [requests(numbers, route, status) for status in (200, 500, 503, 504)] == [0, 0, 0, 0]
    for reason in ("overloaded", "not-serving", "internal-error"):
        assert number(numbers, "rejections_total", reason=reason) == 0
    assert number(numbers, "worker_restarts_total") == 0


def test_training_share_has_the_buckets_of_the_histogram_it_is_compared_with(server: Server) -> None:
    predict(server, ["superb"])
    numbers = scrape(server.url)
    for feature, histogram in (("words", "review_words"), ("positive_probability", "positive_probability")):
        shares = {
            dict(labels)["le"]: share
            for (name, labels), share in numbers.items()
            if name == "sentiment_training_share" and dict(labels)["feature"] == feature
        }
        buckets = {dict(labels)["le"] for name, labels in numbers if name == f"sentiment_{histogram}_bucket"}
        assert shares.keys() == buckets
        ascending = [shares[bound] for bound in sorted(shares, key=float)]
        assert ascending == sorted(ascending)
        assert 0 <= ascending[0] <= ascending[-1] == 1


def test_metrics_survive_the_deaths_of_workers(models: Path) -> None:
    """No counter decreases or counts twice, and nothing remains of the gauges of dead workers."""
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        with ThreadPoolExecutor(1) as scraper, load(server.url) as clients:

            def scrape_repeatedly() -> list[float]:
                """Reviews scored, for as long as there is load."""
                counts = []
                while not clients[0].stopping:
                    try:
                        numbers = scrape(server.url)
                    except httpx.TransportError:
                        continue  # this connection died with its worker
                    counts.append(number(numbers, "reviews_total"))
                    assert number(numbers, "workers_ready") <= 2
                    assert counts[-1] <= answered(clients) + len(clients)
                return counts

            scraping = scraper.submit(scrape_repeatedly)
            for deaths in range(1, 4):
                victim, before = server.workers()[0], answered(clients)
                wait_until(lambda before=before: answered(clients) > before + 500)  # type: ignore[misc]
                os.kill(victim, signal.SIGKILL)
                server.wait_for(rf'"pid":{victim},.*"worker died"')
                server.wait_ready(2)
                assert number(scrape(server.url), "worker_restarts_total") == deaths
        counts = scraping.result(PATIENCE)
        assert len(counts) > 3
        assert counts == sorted(counts)
        outcomes, numbers = outcomes_of(clients), scrape(server.url)
        assert outcomes["200"] <= number(numbers, "reviews_total") <= outcomes.total()
        assert number(numbers, "workers") == number(numbers, "workers_ready") == 2
        assert number(numbers, "waiting_reviews_limit") == 2048
        wait_until(lambda: number(scrape(server.url), "waiting_reviews") == 0)


def test_scrape_passes_over_the_empty_file_of_a_starting_worker(models: Path, tmp_path: Path) -> None:
    with serving({"TMPDIR": str(tmp_path)}, model_dir=models, workers=2, runtime="litert") as server:
        (folder,) = tmp_path.glob("sentiment-metrics-*")
        (folder / "counter_0.db").touch()
        assert predict(server, ["superb"]) == 200
        assert number(scrape(server.url), "reviews_total") == 1


def test_open_connections_are_counted(server: Server) -> None:
    with httpx.Client(base_url=server.url) as first, httpx.Client(base_url=server.url) as second:
        for client in (first, second):
            client.get("/health/live")
        wait_until(lambda: number(scrape(server.url), "open_connections") >= 2)


@both
def test_metrics_have_a_port_of_their_own(models: Path, workers: int, free_port: int) -> None:
    with serving(
        model_dir=models, workers=workers, runtime="litert", metrics_port=free_port, api_keys="a-key-of-sixteen"
    ) as server:
        headers = {"Authorization": "Bearer a-key-of-sixteen"}
        assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == 404
        numbers = scrape(f"http://127.0.0.1:{free_port}")
        assert number(numbers, "workers_ready") == workers
        assert [labels for name, labels in numbers if name == "sentiment_bundle_info"]


def test_metrics_port_that_is_taken_ends_the_start(models: Path, server: Server) -> None:
    done = run_app(model_dir=models, runtime="litert", metrics_port=server.url.rsplit(":", 1)[1])
    assert done.returncode == 3
    assert "SENTIMENT_METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_profile_counts_into_inclusive_bins() -> None:
    profile = profile_of([Prediction(0.1, 10, 10), Prediction(0.11, 11, 0), Prediction(1.0, 5000, 4750)])
    assert profile.positive_probability.counts == (1, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert profile.words.counts == (1, 1, 0, 0, 0, 0, 0, 0, 1)
    assert profile.unknown_share.counts == (2, 0, 0, 0, 0, 0, 0, 0, 0, 1)
