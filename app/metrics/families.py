"""Which metrics there are: their names, what they mean, and where in a worker's numbers each of them stands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from app.inference.profile import BOUNDS, POSITIVE_PROBABILITY, UNKNOWN_SHARE, WORDS
from app.inference.runtimes import BATCH_SIZES
from app.routes import OTHER, PREDICTIONS, ROUTES

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS = ("GET", "HEAD", "POST", OTHER)
STATUSES = (200, 304, 400, 401, 404, 405, 408, 413, 415, 422, 499, 500, 503, 504, OTHER)
REASONS = (
    "overloaded",
    "not-serving",
    "deadline-exceeded",
    "body-too-large",
    "unsupported-media-type",
    "invalid-request",
    "too-many-reviews",
    "review-too-long",
    "unauthorized",
    "model-not-found",
    "method-not-allowed",
    "malformed-request",
    "uri-too-long",
    "headers-too-large",
    "request-timeout",
    "too-many-pipelined",
    "internal-error",
    OTHER,
)
"""The last parts of problem types, as `app.api.problems` and `app.api.refusals` have them."""


@dataclass(frozen=True)
class Family:
    """A metric, with one series for each combination of its labels' values.

    Attributes:
        name: Without the suffixes that Prometheus adds.
        help: What it counts, and in which unit.
        kind: What Prometheus takes it for.
        labels: Label -> the values that it may have.
        bounds: Of a histogram: the upper bounds of its buckets, the last one included only if it is finite.
        offset: Where its numbers begin.
    """

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    offset: int = 0

    @property
    def width(self) -> int:
        """Numbers a series: one; of a histogram, a count for each bucket, one for what exceeds them, and the sum."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    def series(self) -> dict[tuple[str | int, ...], int]:
        """Label values -> where the series' numbers begin."""
        combinations = product(*self.labels.values())
        return {values: self.offset + i * self.width for i, values in enumerate(combinations)}


class Layout:
    """Gives each family its place among a worker's numbers.

    Attributes:
        families: In order.
        size: How many numbers there are.
    """

    def __init__(self) -> None:
        self.families: list[Family] = []
        self.size = 0

    def add(
        self,
        name: str,
        help_: str,
        kind: Literal["counter", "gauge", "histogram"],
        bounds: tuple[float, ...] = (),
        **labels: tuple[str | int, ...],
    ) -> Family:
        """Add a family behind the others; see `Family` for the arguments."""
        family = Family(f"sentiment_{name}", help_, kind, labels, bounds, self.size)
        self.families.append(family)
        self.size += len(family.series()) * family.width
        return family


def _finite(bounds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(bound for bound in bounds if math.isfinite(bound))


_layout = Layout()

REQUESTS = _layout.add(
    "http_requests", "Requests by what they were answered.", "counter", method=METHODS, route=ROUTES, status=STATUSES
)
DURATION = _layout.add(
    "http_request_duration_seconds",
    "Seconds from a request's head to its response.",
    "histogram",
    SECONDS,
    route=ROUTES,
)
STAGES = _layout.add(
    "stage_duration_seconds",
    "Seconds in a stage: queue (a request waits for its batch), text (a batch is tokenised and its terms are found), "
    "model (a batch goes through the network).",
    "histogram",
    SECONDS,
    stage=("queue", "text", "model"),
)
BATCH = _layout.add(
    "batch_reviews",
    "Reviews a batch; of a review that is being explained, a row for each term counts as one.",
    "histogram",
    BATCH_SIZES,
)
REJECTIONS = _layout.add(
    "rejections",
    "Predictions that were refused, and, as other, requests that never became any.",
    "counter",
    route=(*PREDICTIONS, OTHER),
    reason=REASONS,
)
REVIEWS = _layout.add("reviews", "Reviews scored.", "counter")
EXPLAINED = _layout.add("explained_reviews", "Reviews explained.", "counter")
WORD_COUNT = _layout.add("words", "Words in scored reviews.", "counter")
UNKNOWN_WORDS = _layout.add("unknown_words", "Those of them that the model could not read.", "counter")
FEATURES = {
    POSITIVE_PROBABILITY: _layout.add(
        "positive_probability", "Probabilities answered.", "histogram", BOUNDS[POSITIVE_PROBABILITY]
    ),
    WORDS: _layout.add("review_words", "Words a review.", "histogram", _finite(BOUNDS[WORDS])),
    UNKNOWN_SHARE: _layout.add(
        "unknown_share", "Share of a review's words that the model could not read.", "histogram", BOUNDS[UNKNOWN_SHARE]
    ),
}
RESTARTS = _layout.add("worker_restarts", "Workers that ended unasked and were replaced.", "counter")
WAITING = _layout.add("waiting_reviews", "Reviews that wait or are in work.", "gauge")
WAITING_LIMIT = _layout.add("waiting_reviews_limit", "Reviews that may; beyond it requests are refused.", "gauge")
READY = _layout.add("workers_ready", "Workers that have loaded the model and are not stopping.", "gauge")
CONNECTIONS = _layout.add("open_connections", "Connections of clients.", "gauge")
MEMORY = _layout.add("memory_bytes", "Resident memory of all workers; what they share is counted for each.", "gauge")
RECENT = {
    feature: _layout.add(
        f"recent_{feature}",
        "Reviews by bin, fading: about the last 10,000 of each worker.",
        "gauge",
        bin=tuple(range(len(bounds))),
    )
    for feature, bounds in BOUNDS.items()
}
"""Not exposed as they are: what the divergence is computed from."""

FAMILIES = tuple(_layout.families)
SIZE = _layout.size
HIDDEN = tuple(RECENT.values())
