"""Prometheus metrics of this process, or of all workers together.

With several workers, prometheus-client keeps the values in files that all of them share (`app.telemetry.shared`).
"""

import platform
import time
from collections.abc import Sequence
from functools import cache, partial
from itertools import accumulate
from math import inf

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.utils import floatToGoString

from .. import __version__
from ..bundles.profile import BOUNDS, POSITIVE_PROBABILITY, UNKNOWN_SHARE, WORDS
from ..bundles.reading import Bundle
from ..model.prediction import Prediction
from ..model.runtimes import SIZES
from .output import standard_output

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
OTHER = "other"
"""Label for unknown methods and routes, so that clients cannot create series."""


class Metrics:
    """All metrics of the service; each help text says what is measured and in which unit.

    Args:
        slot: This process among those that share their metrics; None if it is the only one.

    Attributes:
        registry: The registry to scrape: this process's metrics, or those of all workers.
    """

    def __init__(self, slot: str | None = None) -> None:
        disable_created_metrics()  # one extra series per metric, which nobody reads
        own = self.registry = CollectorRegistry()
        if slot is not None:
            # Names the files; the default is the process id. https://github.com/prometheus/client_python/issues/509
            values.ValueClass = values.MultiProcessValue(lambda: slot)
            self.registry = CollectorRegistry()
            MultiProcessCollector(self.registry)
        counter = partial(Counter, namespace="sentiment", registry=own)
        histogram = partial(Histogram, namespace="sentiment", registry=own)
        gauge = partial(Gauge, namespace="sentiment", registry=own, multiprocess_mode="livesum")
        fact = partial(gauge, multiprocess_mode="livemax")  # the same in all workers

        self._requests = counter("http_requests", "Requests by response status.", ["method", "route", "status"])
        self._duration = histogram(
            "http_request_duration_seconds",
            "Seconds from the request head to the end of the response.",
            ["route"],
            buckets=SECONDS,
        )
        # Looking up a series takes as long as incrementing it.
        self._requests_by, self._duration_by = cache(self._requests.labels), cache(self._duration.labels)
        self._rejections = counter("rejections", "Requests answered with an error, by reason.", ["reason"])
        self.stages = histogram(
            "stage_duration_seconds",
            "Seconds per stage of a batch: queue (since its first request arrived), text (tokenising, finding terms), "
            "model (the network).",
            ["version", "stage"],
            buckets=SECONDS,
        )
        by_version = ["version"]
        self.reviews = counter("reviews", "Reviews scored.", by_version)
        self.expected_correct = counter(
            "expected_correct",
            "Sum of the probabilities of the predicted sentiments: how many of the reviews are scored correctly if the "
            "probabilities are calibrated for them.",
            by_version,
        )
        self.explained_reviews = counter("explained_reviews", "Reviews explained.", by_version)
        self.batch_reviews = histogram("batch_reviews", "Reviews per batch.", by_version, buckets=SIZES)
        self.positive_probability = histogram(
            "positive_probability", "Predicted probabilities.", by_version, buckets=BOUNDS[POSITIVE_PROBABILITY]
        )
        self.review_words = histogram("review_words", "Words per review.", by_version, buckets=BOUNDS[WORDS])
        self.unknown_share = histogram(
            "unknown_share",
            "Share of a review's words that are not in the vocabulary.",
            by_version,
            buckets=BOUNDS[UNKNOWN_SHARE],
        )
        self.waiting = gauge("waiting_reviews", "Reviews that are waiting or being scored.")
        self._waiting_limit = gauge("waiting_reviews_limit", "Maximum of sentiment_waiting_reviews.")
        self.explaining = gauge("explanations_in_progress", "Reviews that are being explained or wait for it.")
        self._started = gauge(
            "process_start_time_seconds",
            "Time when the service started, in seconds since the epoch.",
            namespace="",  # the name that all services use
        )
        self._build = fact("build_info", "1, with the versions of the service and of Python.", ["version", "python"])
        self._workers = gauge("workers", "Configured worker processes.")
        self.workers_ready = gauge("workers_ready", "Workers that accept traffic: loaded and not draining.")
        self.connections = gauge("open_connections", "Open client connections.")
        self.memory = gauge("memory_bytes", "Resident memory of all workers; shared pages count once per worker.")
        self.restarts = counter("worker_restarts", "Workers that died and were replaced.")
        self._dropped_lines = counter(
            "log_lines_dropped", "Log lines dropped because standard output was not read or could not be written."
        )
        self._dropped_before = 0
        self._reloads = counter("reloads", "Reloads by result: loaded, or rejected.", ["result"])
        self._bundle = fact(
            "bundle_info",
            "1 for each served bundle, 0 for those that a reload has replaced.",
            ["name", "version", "digest", "runtime"],
        )
        self._training_share = fact(
            "training_share",
            "Cumulative share of the bundle's training reviews, by feature and upper bound; recording rules compare it "
            "with the histograms of the same features.",
            ["version", "feature", "le"],
        )

    def record_start(self, workers: int) -> None:
        """Record what stays the same until the service ends; one process does."""
        self._started.set(time.time())
        self._build.labels(__version__, platform.python_version()).set(1)
        self._workers.set(workers)

    def serving(self, bundle: Bundle, runtime: str, served: bool) -> None:
        """Record whether a bundle is served, and by which runtime, and the histograms of its training reviews."""
        version = bundle.manifest.version
        self._bundle.labels(bundle.manifest.name, version, bundle.digest, runtime).set(served)
        for feature, bounds in BOUNDS.items():
            counts: Sequence[int] = getattr(bundle.profile, feature).counts
            for bound, cumulative in zip((*bounds, inf), accumulate((*counts, 0)), strict=True):
                self._training_share.labels(version, feature, floatToGoString(bound)).set(cumulative / sum(counts))

    def start(self, max_waiting: int, routes: Sequence[str], reasons: Sequence[str]) -> None:
        """Record that this worker is ready, and create the series that alerts compare.

        Otherwise `rate` would miss the first event of a new series.

        Args:
            max_waiting: The limit of this worker's queue, in reviews.
            routes: The path templates of the routes that score reviews.
            reasons: All reasons for rejections.
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

    def request(self, method: str, route: str, status: int, seconds: float, problem: str | None) -> None:
        """Count a request that was answered or whose client disconnected (status 499)."""
        self._requests_by(method if method in METHODS else OTHER, route, status).inc()
        self._duration_by(route).observe(seconds)
        if problem is not None:
            self._rejections.labels(problem).inc()

    def reloaded(self, loaded: bool) -> None:
        """Count a reload."""
        self._reloads.labels("loaded" if loaded else "rejected").inc()

    def count_dropped_lines(self) -> None:
        """Count the log lines that this process has dropped since the last call."""
        dropped = standard_output().dropped
        self._dropped_lines.inc(dropped - self._dropped_before)
        self._dropped_before = dropped


class VersionMetrics:
    """The series of one version of the model.

    They exist from the start: `rate` would miss the first event of a new one, and looking one up takes as long as
    updating it.
    """

    def __init__(self, metrics: Metrics, version: str) -> None:
        self._queue, self._text, self._model = (
            metrics.stages.labels(version, stage) for stage in ("queue", "text", "model")
        )
        self._batch = metrics.batch_reviews.labels(version)
        self._reviews = metrics.reviews.labels(version)
        self._expected = metrics.expected_correct.labels(version)
        self.explained = metrics.explained_reviews.labels(version)
        self._probability = metrics.positive_probability.labels(version)
        self._words = metrics.review_words.labels(version)
        self._unknown_share = metrics.unknown_share.labels(version)

    def observe(
        self, predictions: Sequence[Prediction], queue_seconds: float, text_seconds: float, model_seconds: float
    ) -> None:
        """Record a scored batch, see `BatchObserver`."""
        self._queue.observe(queue_seconds)
        self._text.observe(text_seconds)
        self._model.observe(model_seconds)
        self._batch.observe(len(predictions))
        self._reviews.inc(len(predictions))
        self._expected.inc(sum(max(each.positive_probability, 1 - each.positive_probability) for each in predictions))
        for prediction in predictions:
            self._probability.observe(prediction.positive_probability)
            self._words.observe(prediction.words)
            self._unknown_share.observe(prediction.unknown_share)
