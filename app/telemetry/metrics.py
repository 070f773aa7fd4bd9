"""Prometheus metrics of this worker, or of all workers together.

With several workers, prometheus-client keeps the values in files that all of them share (`app.telemetry.shared`).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial, wraps
from itertools import accumulate
from math import inf
from pathlib import Path
from typing import ParamSpec

import structlog
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from app.inference.batcher import BatchObserver
from app.inference.bundle import Bundle
from app.inference.prediction import Prediction
from app.inference.profile import BOUNDS, POSITIVE_PROBABILITY, UNKNOWN_SHARE, WORDS
from app.inference.runtimes import SIZES
from app.telemetry import shared
from app.telemetry.output import standard_output

MEDIA_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
OTHER = "other"
"""Label for unknown methods and routes, so that clients cannot create series."""

Parameters = ParamSpec("Parameters")
_BatchSeries = tuple[Histogram, Histogram, Histogram, Histogram, Counter, Counter, Histogram, Histogram, Histogram]
log = structlog.get_logger()


def _harmless(record: Callable[Parameters, object]) -> Callable[Parameters, None]:
    """Log the first error of a function and ignore all errors: metrics must not fail a request or end a worker."""
    failed = False

    @wraps(record)
    def record_or_log(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        nonlocal failed
        try:
            record(*args, **kwargs)
        except Exception:
            if not failed:
                failed = True
                log.exception("metrics are incomplete", function=record.__name__, pid=os.getpid())

    return record_or_log


class Metrics:
    """All metrics of the service; each help text says what is measured and in which unit.

    No method raises an error once the metrics have been created. The public gauges and counters have no labels, so
    their values have a place from the start.

    Raises:
        SentimentError: There are several workers, and the disk is full.
    """

    def __init__(self) -> None:
        if shared.FOLDER in os.environ:
            shared.reserve()
        disable_created_metrics()  # one extra series per metric, which nobody reads
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "sentiment_http_requests", "Requests by response status.", ["method", "route", "status"], registry=registry
        )
        self._duration = Histogram(
            "sentiment_http_request_duration_seconds",
            "Seconds from the request head to the end of the response.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        # Looking up a series takes as long as incrementing it.
        self._requests_by, self._duration_by = cache(self._requests.labels), cache(self._duration.labels)
        self._rejections = Counter(
            "sentiment_rejections",
            "Requests answered with an error, by reason.",
            ["reason"],
            registry=registry,
        )
        self._stages = Histogram(
            "sentiment_stage_duration_seconds",
            "Seconds per stage of a batch: queue (since its first request arrived), text (tokenising, finding terms), "
            "model (the network).",
            ["version", "stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._reviews = Counter("sentiment_reviews", "Reviews scored.", ["version"], registry=registry)
        self._expected = Counter(
            "sentiment_expected_correct",
            "Sum of the probabilities of the predicted sentiments: how many of the reviews are scored correctly if the "
            "probabilities are calibrated for them.",
            ["version"],
            registry=registry,
        )
        self._explained = Counter("sentiment_explained_reviews", "Reviews explained.", ["version"], registry=registry)

        def histogram(name: str, documentation: str, bounds: Sequence[float]) -> Histogram:
            return Histogram(f"sentiment_{name}", documentation, ["version"], buckets=bounds, registry=registry)

        self._batch = histogram("batch_reviews", "Reviews per batch.", SIZES)
        self._probability = histogram("positive_probability", "Predicted probabilities.", BOUNDS[POSITIVE_PROBABILITY])
        self._words = histogram("review_words", "Words per review.", BOUNDS[WORDS])
        self._unknown_share = histogram(
            "unknown_share", "Share of a review's words that are not in the vocabulary.", BOUNDS[UNKNOWN_SHARE]
        )

        def gauge(name: str, documentation: str, mode: str = "livesum", labels: Sequence[str] = ()) -> Gauge:
            return Gauge(f"sentiment_{name}", documentation, labels, registry=registry, multiprocess_mode=mode)  # type: ignore[arg-type]

        self.waiting = gauge("waiting_reviews", "Reviews that are waiting or being scored.")
        self._waiting_limit = gauge("waiting_reviews_limit", "Maximum of sentiment_waiting_reviews.")
        self.explaining = gauge("explanations_in_progress", "Reviews that are being explained or wait for it.")
        self.workers = gauge("workers", "Configured worker processes.")
        self.workers_ready = gauge("workers_ready", "Workers that accept traffic: loaded and not draining.")
        self.connections = gauge("open_connections", "Open client connections.")
        self.memory = gauge("memory_bytes", "Resident memory of all workers; shared pages count once per worker.")
        self.restarts = Counter("sentiment_worker_restarts", "Workers that died and were replaced.", registry=registry)
        self._dropped_lines = Counter(
            "sentiment_log_lines_dropped",
            "Log lines dropped because standard output was not read or could not be written.",
            registry=registry,
        )
        self._dropped_before = 0
        self._reloads = Counter(
            "sentiment_reloads", "Reloads by result: loaded, or rejected.", ["result"], registry=registry
        )
        self._bundle = gauge(
            "bundle_info",
            "1 for each served bundle, 0 for those that a reload has replaced.",
            "livemax",
            ["name", "version", "digest", "runtime"],
        )
        self._training_share = gauge(
            "training_share",
            "Cumulative share of the bundle's training reviews, by feature and upper bound; recording rules compare it "
            "with the histograms of the same features.",
            "livemax",
            ["version", "feature", "le"],
        )

    @_harmless
    def serving(self, bundle: Bundle, runtime: str, served: bool) -> None:
        """Record whether a bundle is served, and by which runtime."""
        self._bundle.labels(bundle.manifest.name, bundle.manifest.version, bundle.digest, runtime).set(served)

    @_harmless
    def record_training(self, bundle: Bundle) -> None:
        """Record the histograms of a bundle's training reviews."""
        version = bundle.manifest.version
        for feature, bounds in BOUNDS.items():
            counts: Sequence[int] = getattr(bundle.profile, feature).counts
            for bound, cumulative in zip(bounds, accumulate(counts), strict=True):
                self._training_share.labels(version, feature, floatToGoString(bound)).set(cumulative / sum(counts))
            self._training_share.labels(version, feature, floatToGoString(inf)).set(1)

    @_harmless
    def start(self, max_waiting: int, routes: Sequence[str], reasons: Sequence[str]) -> None:
        """Record that this worker is ready, and create the series that alerts compare.

        Otherwise `rate` would miss the first event of a new series.

        Args:
            max_waiting: Maximum number of waiting reviews.
            routes: Path templates that score reviews.
            reasons: Reasons for rejections.
        """
        self._waiting_limit.set(max_waiting)
        self.workers_ready.set(1)
        for result in ("loaded", "rejected"):
            self._reloads.labels(result)
        for route in routes:
            self._duration.labels(route)
            for status in (200, 500, 503, 504):
                self._requests.labels("POST", route, status)
        for reason in reasons:
            self._rejections.labels(reason)

    @_harmless
    def request(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count a request that was answered or whose client disconnected (status 499)."""
        self._requests_by(method if method in METHODS else OTHER, route, status).inc()
        self._duration_by(route).observe(seconds)
        if problem is not None:
            self._rejections.labels(problem).inc()

    def observer(self, version: str) -> BatchObserver:
        """The observer for the batches of one version."""
        # Looking up a series takes as long as incrementing it.
        series = cache(partial(self._series_of_batches, version))
        self._create(series, version)
        return partial(self._observe, series)

    @_harmless
    def _create(self, series: Callable[[], object], version: str) -> None:
        """Create the series of a version, because `rate` would miss the first event of a new one."""
        series()
        self._explained.labels(version)

    @_harmless
    def _observe(
        self,
        series: Callable[[], _BatchSeries],
        predictions: Sequence[Prediction],
        queue_seconds: float,
        text_seconds: float,
        model_seconds: float,
    ) -> None:
        queue, text, model, batch, reviews, expected, probability, words, unknown_share = series()
        queue.observe(queue_seconds)
        text.observe(text_seconds)
        model.observe(model_seconds)
        batch.observe(len(predictions))
        reviews.inc(len(predictions))
        expected.inc(sum(max(each.positive_probability, 1 - each.positive_probability) for each in predictions))
        for prediction in predictions:
            probability.observe(prediction.positive_probability)
            words.observe(prediction.words)
            unknown_share.observe(prediction.unknown_share)

    def _series_of_batches(self, version: str) -> _BatchSeries:
        queue, text, model = (self._stages.labels(version, stage) for stage in ("queue", "text", "model"))
        histograms = (self._probability, self._words, self._unknown_share)
        probability, words, unknown_share = (histogram.labels(version) for histogram in histograms)
        batch, reviews = self._batch.labels(version), self._reviews.labels(version)
        return queue, text, model, batch, reviews, self._expected.labels(version), probability, words, unknown_share

    @_harmless
    def explained(self, version: str, reviews: int) -> None:
        """Count reviews that were explained."""
        self._explained.labels(version).inc(reviews)

    @_harmless
    def reloaded(self, loaded: bool) -> None:
        """Count a reload: its bundles were loaded, or rejected."""
        self._reloads.labels("loaded" if loaded else "rejected").inc()

    @_harmless
    def count_dropped_lines(self) -> None:
        """Count the log lines that this process has dropped since the last call."""
        dropped = standard_output().dropped
        self._dropped_lines.inc(dropped - self._dropped_before)
        self._dropped_before = dropped

    @property
    def registry(self) -> CollectorRegistry:
        """The registry to scrape: this process's metrics, or those of all workers."""
        if shared.FOLDER not in os.environ:
            return self._registry
        registry = CollectorRegistry()
        registry.register(AllWorkers())
        return registry

    def exposition(self) -> bytes:
        """Render the metrics for a scrape."""
        return generate_latest(self.registry)


class AllWorkers(Collector):
    """Collects the metrics of all workers; skips empty files, which belong to workers that are starting."""

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        files = [str(file) for file in Path(os.environ[shared.FOLDER]).glob("*.db") if _has_content(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)
        return metrics


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:  # the gauges of a worker that has just died
        return False
