"""GET /metrics of real processes: every number follows from what was sent, however many workers share the work."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from app.metrics.exposition import ENOUGH, Exposition
from app.metrics.families import RECENT, SIZE
from app.metrics.recorder import SUPERVISOR, Recorder
from app.routes import INFER, PREDICTIONS, TENSORFLOW_PREDICT

from app.inference.classifier import Prediction
from app.inference.profile import BOUNDS, divergence, profile_of
from tests.servers import PATIENCE, Server, ready_when_told, run_app, serving, wait_until


def rejections(numbers: Numbers) -> dict[tuple[str, str], float]:
    """Route and reason -> how often, where there were any."""
    found = [(dict(labels), value) for (name, labels), value in numbers.items() if name.endswith("_rejections_total")]
    return {(labels["route"], labels["reason"]): value for labels, value in found if value}


@pytest.fixture(params=[1, 2])
def workers(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


def ask(server: Server, reviews: list[str]) -> httpx.Response:
    """On a connection of its own, so that any worker may take it."""
    return httpx.post(f"{server.url}/predict", json={"reviews": reviews}, timeout=PATIENCE)


def test_metrics_count_what_was_sent(models: Path, workers: int) -> None:
    with serving(model_dir=models, workers=workers, runtime="litert", max_reviews=8) as server:
        
        for size in range(1, 7):
            assert ask(server, ["superb xyzzy film"] * size).status_code == 200
        for _ in range(3):
            assert ask(server, ["superb"] * 9).status_code == 422
        assert httpx.get(f"{server.url}/nowhere").status_code == 404
        assert httpx.get(f"{server.url}/v2/models/elsewhere/ready").status_code == 404
        for name, status in (("tiny", 400), ("tiny/versions/1", 400), ("elsewhere", 404)):
            assert httpx.post(f"{server.url}/v2/models/{name}/infer").status_code == status
            assert httpx.post(f"{server.url}/v1/models/{name}:predict").status_code == status
        assert httpx.request("BREW", f"{server.url}/predict").status_code == 400
        numbers = scrape(server.url)
        facts = httpx.get(f"{server.url}/model").json()
    assert number(numbers, "http_requests_total", method="POST", route="/predict", status="200") == 6
    assert number(numbers, "http_requests_total", method="POST", route="/predict", status="422") == 3
    assert number(numbers, "http_requests_total", method="POST", route="/predict", status="503") == 0
    assert number(numbers, "http_requests_total", method="GET", route="other", status="404") == 1
    assert number(numbers, "http_requests_total", method="GET", route="/v2", status="404") == 1
    for route in (INFER, TENSORFLOW_PREDICT):
        assert number(numbers, "http_requests_total", method="POST", route=route, status="400") == 2
        assert number(numbers, "http_requests_total", method="POST", route=route, status="404") == 1
    assert number(numbers, "http_request_duration_seconds_count", route="/predict") == 9
    assert 0 < number(numbers, "http_request_duration_seconds_sum", route="/predict") < PATIENCE
    assert rejections(numbers) == {
        ("/predict", "too-many-reviews"): 3,
        (INFER, "invalid-request"): 2,
        (INFER, "model-not-found"): 1,
        (TENSORFLOW_PREDICT, "invalid-request"): 2,
        (TENSORFLOW_PREDICT, "model-not-found"): 1,
        ("other", "malformed-request"): 1,
    }
    assert number(numbers, "reviews_total") == 21
    assert number(numbers, "words_total") == 63
    assert number(numbers, "unknown_words_total") >= 21
    assert number(numbers, "batch_reviews_count") == 6
    assert number(numbers, "batch_reviews_sum") == 21
    assert number(numbers, "batch_reviews_bucket", le="4.0") == 4
    for stage in ("queue", "text", "model"):
        assert number(numbers, "stage_duration_seconds_count", stage=stage) == 6
        assert number(numbers, "stage_duration_seconds_sum", stage=stage) > 0
    for feature in ("positive_probability", "review_words", "unknown_share"):
        assert number(numbers, f"{feature}_bucket", le="+Inf") == 21
    assert number(numbers, "review_words_bucket", le="10.0") == 21
    assert number(numbers, "review_words_sum") == 63
    assert number(numbers, "waiting_reviews") == 0
    assert number(numbers, "waiting_reviews_limit") == 1024 * workers
    assert number(numbers, "workers") == number(numbers, "workers_ready") == workers
    names = {"name": "tiny", "version": "1", "digest": facts["digest"], "runtime": "litert"}
    assert number(numbers, "bundle_info", **names) == 1
    assert not [name for name, _ in numbers if "drift" in name]


def test_series_that_alerts_compare_exist_before_the_first_request(server: Server) -> None:
    """A rate misses what a series begins with."""
    numbers = scrape(server.url)
    for route in PREDICTIONS:
        for status in ("200", "422" if route in ("/predict", "/explain") else "400", "500", "503", "504"):
            assert number(numbers, "http_requests_total", method="POST", route=route, status=status) >= 0
        for reason in ("overloaded", "not-serving"):
            assert number(numbers, "rejections_total", route=route, reason=reason) >= 0


def test_refusals_of_one_route_are_none_of_the_others(models: Path) -> None:
    """Because of load: the one that finds the queue full, and those that are refused unread after it."""
    with serving(model_dir=models, runtime="litert", max_reviews=64, max_waiting=64) as server:
        texts = ["superb " * 5000] * 40
        tensor = {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts}

        def infer(_: int) -> int:
            url = f"{server.url}/v2/models/tiny/versions/1/infer"
            return httpx.post(url, json={"inputs": [tensor]}, timeout=PATIENCE).status_code

        with ThreadPoolExecutor(16) as clients:
            statuses = list(clients.map(infer, range(64)))
        assert ask(server, ["superb"]).status_code == 200
        assert ask(server, []).status_code == 422
        assert httpx.post(f"{server.url}/v1/models/tiny:predict", json={"instances": []}).status_code == 400
        numbers = scrape(server.url)
    refused = statuses.count(503)
    assert set(statuses) == {200, 503}
    assert number(numbers, "http_requests_total", method="POST", route=INFER, status="503") == refused
    assert number(numbers, "http_requests_total", method="POST", route="/predict", status="503") == 0
    assert rejections(numbers) == {
        (INFER, "overloaded"): refused,
        ("/predict", "invalid-request"): 1,
        (TENSORFLOW_PREDICT, "invalid-request"): 1,
    }


def test_refusal_of_an_unknown_kind_is_counted_with_its_route() -> None:
    recorder = Recorder()
    recorder.request("POST", "/v2/models/imdb/infer", 503, 0.1, "a-new-one")
    recorder.request("GET", "/model", 401, 0.1, "unauthorized")
    recorder.rejected("a-new-one")
    numbers = numbers_in(Exposition(recorder, None, "litert").text().decode())
    assert rejections(numbers) == {(INFER, "other"): 1, ("other", "other"): 1}


def test_metrics_survive_the_death_of_a_worker(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        for _ in range(20):
            ask(server, ["superb"])
        for victim in server.workers():
            os.kill(victim, signal.SIGKILL)
            server.wait_for(rf"Child process \[{victim}\] died")
        time.sleep(0.2)
        numbers = scrape(server.url)
        assert number(numbers, "reviews_total") == 20
        assert number(numbers, "worker_restarts_total") == 2
        assert number(numbers, "workers") == number(numbers, "workers_ready") == 2
        assert number(numbers, "waiting_reviews_limit") == 2048


@pytest.mark.parametrize("size", [0, 100, 8 * SIZE - 1])
def test_numbers_of_a_worker_that_found_no_room_for_them_are_dropped(tmp_path: Path, size: int) -> None:
    """The supervisor goes on: what it could not read, it could not count either."""
    supervisor = Recorder(tmp_path / SUPERVISOR)
    (tmp_path / "17").write_bytes(bytes(size))
    Recorder(tmp_path / "18").restarted()
    supervisor.inherit([])
    assert [file.name for file in tmp_path.iterdir()] == [SUPERVISOR]
    assert number(numbers_in(Exposition(supervisor, None, "litert").text().decode()), "worker_restarts_total") == 1


def test_metrics_tell_of_connections_and_memory(server: Server) -> None:
    with httpx.Client(base_url=server.url) as client:
        client.get("/health/live")
        wait_until(lambda: number(scrape(server.url), "open_connections") >= 1)
    assert 50e6 < number(scrape(server.url), "memory_bytes") < 5e9


@pytest.mark.parametrize("workers", [1, 2], indirect=True)
def test_metrics_have_a_port_of_their_own(models: Path, workers: int, free_port: int) -> None:
    settings = {"model_dir": models, "workers": workers, "runtime": "litert", "metrics_port": free_port}
    with serving(**settings, api_keys="a-key-of-sixteen") as server:
        headers = {"Authorization": "Bearer a-key-of-sixteen"}
        assert httpx.get(f"{server.url}/metrics", headers=headers).status_code == 404
        numbers = scrape(f"http://127.0.0.1:{free_port}")
        assert number(numbers, "workers_ready") >= 1
        assert [labels for name, labels in numbers if name == "sentiment_bundle_info"]


def test_metrics_answer_while_starting_and_draining(models: Path) -> None:
    with ready_when_told(model_dir=models, drain=1000) as (server, tell):
        assert number(scrape(server.url), "workers_ready") == 0
        tell()
        assert number(scrape(server.url), "workers_ready") == 1
        server.process.send_signal(signal.SIGTERM)
        server.wait_for('"draining"')
        assert number(scrape(server.url), "workers_ready") == 0
        server.process.send_signal(signal.SIGTERM)


def test_drift_tells_other_reviews_from_those_of_the_training(models: Path) -> None:
    with serving(model_dir=models, runtime="litert") as server:
        for _ in range(ENOUGH // 100 + 1):
            ask(server, ["xyzzy " * 500] * 100)
        numbers = scrape(server.url)
    assert number(numbers, "drift_divergence", feature="words") > 0.9
    assert number(numbers, "drift_divergence", feature="unknown_share") > 0.5


def test_recent_reviews_fade() -> None:
    """After several windows of other reviews, next to nothing is left of the first ones."""
    recorder = Recorder()
    for words, batches in ((5, 100), (300, 500)):
        for _ in range(batches):
            recorder.scored([Prediction(0.5, words, words)] * 100, 100, 0.001, 0.001)
    family = RECENT["words"]
    (numbers,) = recorder.of_all()
    recent = list(numbers[family.offset : family.offset + len(BOUNDS["words"])])
    assert 9_000 < sum(recent) < 11_000
    assert recent[0] / sum(recent) < 0.01


def test_divergence_has_its_known_values() -> None:
    assert divergence([1, 2, 3], [10, 20, 30]) == pytest.approx(0, abs=1e-12)
    assert divergence([1, 0], [0, 7]) == 1
    assert divergence([1, 1], [1, 0]) == pytest.approx(0.311278, abs=1e-6)


def test_profile_counts_into_inclusive_bins() -> None:
    profile = profile_of([Prediction(0.1, 10, 10), Prediction(0.11, 11, 0), Prediction(1.0, 5000, 4750)])
    assert profile.positive_probability.counts == (1, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert profile.words.counts == (1, 1, 0, 0, 0, 0, 0, 0, 1)
    assert profile.unknown_share.counts == (2, 0, 0, 0, 0, 0, 0, 0, 0, 1)


def test_metrics_port_that_is_taken_ends_the_start(models: Path, server: Server) -> None:
    done = run_app(model_dir=models, runtime="litert", metrics_port=server.url.rsplit(":", 1)[1])
    assert done.returncode == 3
    assert "SENTIMENT_METRICS_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_metrics_count_workers_right_after_all_were_replaced(models: Path) -> None:
    """SIGHUP starts new workers and ends the old ones, one by one."""
    with serving(model_dir=models, workers=2, runtime="litert") as server:
        before = set(server.workers())
        for _ in range(10):
            ask(server, ["superb"])
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(server.workers()) - before) == 2 and not before & set(server.workers()))
        wait_until(lambda: number(scrape(server.url), "workers") == 2)
        numbers = scrape(server.url)
        assert number(numbers, "workers_ready") == 2
        assert number(numbers, "reviews_total") == 10
        assert number(numbers, "worker_restarts_total") == 0
