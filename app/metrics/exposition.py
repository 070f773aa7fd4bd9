"""The numbers of all workers in Prometheus' format."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.inference.bundle import Bundle
from app.inference.profile import divergence
from app.metrics.families import FAMILIES, HIDDEN, RECENT, REQUESTS, SIZE, Family
from app.metrics.recorder import Recorder
from app.routes import PREDICTIONS, speaks_protocol

MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"

ENOUGH = 1000
"""Recent reviews from which on their spread is compared with that of the training reviews; fewer differ by chance."""


class Exposition:
    """What a scrape gets.

    Args:
        recorder: Of this process; it finds those of the others.
        bundle: What is served, once it is known.
        runtime: What executes it.
    """

    def __init__(self, recorder: Recorder, bundle: Bundle | None, runtime: str) -> None:
        self._recorder = recorder
        self._bundle = bundle
        self._runtime = runtime
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def text(self) -> bytes:
        """The whole exposition."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        numbers = [0.0] * SIZE
        for worker in self._recorder.of_all():
            numbers = [mine + more for mine, more in zip(numbers, worker, strict=True)]
        for family in FAMILIES:
            if family not in HIDDEN:
                yield _metric(family, numbers)
        workers = GaugeMetricFamily("sentiment_workers", "Processes that serve.")
        workers.add_metric([], self._recorder.workers)
        yield workers
        if self._bundle is not None:
            yield self._info(self._bundle)
            yield self._drift(self._bundle, numbers)

    def _info(self, bundle: Bundle) -> Metric:
        labels = {
            "name": bundle.manifest.name,
            "version": bundle.manifest.version,
            "digest": bundle.digest,
            "runtime": self._runtime,
        }
        info = GaugeMetricFamily("sentiment_bundle_info", "What is served; always 1.", labels=list(labels))
        info.add_metric(list(labels.values()), 1)
        return info

    def _drift(self, bundle: Bundle, numbers: list[float]) -> Metric:
        drift = GaugeMetricFamily(
            "sentiment_drift_divergence",
            "Jensen-Shannon divergence, 0 to 1, of recent reviews (about the last 10,000 of each worker) from the "
            "training reviews; absent until there are 1,000.",
            labels=["feature"],
        )
        for feature, family in RECENT.items():
            recent = numbers[family.offset : family.offset + len(family.labels["bin"])]
            if sum(recent) >= ENOUGH:
                reference = getattr(bundle.profile, feature).counts
                drift.add_metric([feature], divergence(recent, reference))
        return drift


def _metric(family: Family, numbers: list[float]) -> Metric:
    labels = list(family.labels)
    metric: HistogramMetricFamily | CounterMetricFamily | GaugeMetricFamily
    if family.kind == "histogram":
        metric = HistogramMetricFamily(family.name, family.help, labels=labels)
    elif family.kind == "counter":
        metric = CounterMetricFamily(family.name, family.help, labels=labels)
    else:
        metric = GaugeMetricFamily(family.name, family.help, labels=labels)
    for values, base in family.series().items():
        own = numbers[base : base + family.width]
        if family is REQUESTS and not own[0] and values not in ALWAYS:
            continue
        names = [str(value) for value in values]
        if isinstance(metric, HistogramMetricFamily):
            metric.add_metric(names, _buckets(family, own), own[-1])
        else:
            metric.add_metric(names, own[0])
    return metric


def _buckets(family: Family, own: list[float]) -> list[tuple[str, float]]:
    cumulative, buckets = 0.0, []
    for bound, count in zip((*family.bounds, float("inf")), own[:-1], strict=True):
        cumulative += count
        buckets.append(("+Inf" if bound == float("inf") else f"{float(bound)!r}", cumulative))
    return buckets


ALWAYS = {
    ("POST", route, status)
    for route in PREDICTIONS
    for status in (200, 400 if speaks_protocol(route) else 422, 500, 503, 504)
}
"""Series that exist before their first event, so that no rate misses it; rejections' do all."""
