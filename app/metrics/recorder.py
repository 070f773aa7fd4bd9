"""A worker's numbers, in memory that all workers' files share.

Counting must cost next to nothing beside a prediction of some 100 µs, in which about twenty numbers change. So each
worker has a file of plain float64 numbers mapped into its memory, and adds to them; whoever is scraped reads the files
of all. What Prometheus' own client does for several processes is the same idea with a lock and an encoding at each
change: five times as slow, docs/architecture.md has the numbers.
"""

import mmap
import os
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from app.inference.classifier import Prediction
from app.inference.profile import BOUNDS, POSITIVE_PROBABILITY, UNKNOWN_SHARE, WORDS
from app.metrics.families import (
    BATCH,
    CONNECTIONS,
    DURATION,
    EXPLAINED,
    FAMILIES,
    FEATURES,
    MEMORY,
    METHODS,
    READY,
    RECENT,
    REJECTIONS,
    REQUESTS,
    RESTARTS,
    REVIEWS,
    SECONDS,
    SIZE,
    STAGES,
    STATUSES,
    UNKNOWN_WORDS,
    WAITING,
    WAITING_LIMIT,
    WORD_COUNT,
)
from app.routes import OTHER, PREDICTIONS, route_of

FOLDER = "SENTIMENT_METRICS_FOLDER"
"""The environment variable by which the supervisor tells its workers where their numbers belong."""

SUPERVISOR = "supervisor"
"""The file of the supervisor: what it counts itself, and what workers counted that have ended."""

WINDOW = 10_000
"""Reviews that the recent spread is about."""

FADING = 100
"""Reviews after which the recent spread fades by one step."""

_REQUESTS = REQUESTS.series()
_DURATION = {route: base for (route,), base in DURATION.series().items()}
_QUEUE, _TEXT, _MODEL = (STAGES.series()[(stage,)] for stage in ("queue", "text", "model"))
_REJECTIONS: dict[str | int, dict[str | int, int]] = {route: {} for route in REJECTIONS.labels["route"]}
for (_route, _reason), _place in REJECTIONS.series().items():
    _REJECTIONS[_route][_reason] = _place
_SUM = len(SECONDS) + 1
_COUNTERS = [
    place
    for family in FAMILIES
    if family.kind != "gauge"
    for base in family.series().values()
    for place in range(base, base + family.width)
]


class Recorder:
    """Counts what one process does.

    Args:
        path: A file to keep the numbers in, made anew; None keeps them in this process alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._numbers: memoryview[float]
        if path is None:
            self._numbers = memoryview(array("d", bytes(8 * SIZE)))
        else:
            path.write_bytes(bytes(8 * SIZE))
            with path.open("r+b") as file:
                self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        self._path = path
        self._since_fading = 0

    @classmethod
    def of_worker(cls) -> "Recorder":
        """The recorder of this process: in the supervisor's folder, if there is a supervisor."""
        folder = os.environ.get(FOLDER)
        return cls(Path(folder, str(os.getpid())) if folder else None)

    def request(self, method: str, path: str, status: int, seconds: float, reason: str | None = None) -> None:
        """Count a request that was answered, and, if it asked for predictions, why it got none."""
        route = route_of(path)
        place = _REQUESTS.get((method, route, status))
        if place is None:
            known = (method if method in METHODS else OTHER, route, status if status in STATUSES else OTHER)
            place = _REQUESTS[known]
        self._numbers[place] += 1
        self._observe(_DURATION[route], seconds)
        if reason is not None and route in PREDICTIONS:
            self.rejected(reason, route)

    def rejected(self, reason: str, route: str = OTHER) -> None:
        """Count a refusal: of a prediction, or of what never became a request and has no route."""
        places = _REJECTIONS[route]
        self._numbers[places.get(reason, places[OTHER])] += 1

    def queued(self, seconds: float) -> None:
        """See `app.inference.scorer.Observer`."""
        self._observe(_QUEUE, seconds)

    def waiting(self, reviews: int) -> None:
        """See `app.inference.scorer.Observer`."""
        self._numbers[WAITING.offset] = reviews

    def explained(self) -> None:
        """Count a review that was explained."""
        self._numbers[EXPLAINED.offset] += 1

    def scored(self, predictions: Sequence[Prediction], rows: int, text_seconds: float, model_seconds: float) -> None:
        """See `app.inference.scorer.Observer`."""
        numbers = self._numbers
        self._observe(_TEXT, text_seconds)
        self._observe(_MODEL, model_seconds)
        size = len(predictions)
        numbers[BATCH.offset + bisect_left(BATCH.bounds, rows)] += 1
        numbers[BATCH.offset + len(BATCH.bounds) + 1] += rows
        numbers[REVIEWS.offset] += size
        words = known = 0
        for prediction in predictions:
            words += prediction.words
            known += prediction.known_words
            self._spread(POSITIVE_PROBABILITY, prediction.positive_probability)
            self._spread(WORDS, prediction.words)
            self._spread(UNKNOWN_SHARE, prediction.unknown_share)
        numbers[WORD_COUNT.offset] += words
        numbers[UNKNOWN_WORDS.offset] += words - known
        self._since_fading += size
        if self._since_fading >= FADING:
            factor = max(1 - self._since_fading / WINDOW, 0.0)
            self._since_fading = 0
            for family in RECENT.values():
                for place in range(family.offset, family.offset + len(family.labels["bin"])):
                    numbers[place] *= factor

    def state(self, connections: int, memory: int) -> None:
        """Note what changes all the time; called once a second."""
        self._numbers[CONNECTIONS.offset] = connections
        self._numbers[MEMORY.offset] = memory

    def ready(self, is_ready: bool, waiting_limit: int) -> None:
        """Note whether this worker should get traffic, and how much it takes."""
        self._numbers[READY.offset] = is_ready
        self._numbers[WAITING_LIMIT.offset] = waiting_limit

    def restarted(self) -> None:
        """Count a worker that was replaced."""
        self._numbers[RESTARTS.offset] += 1

    def inherit(self, workers: Collection[int | None]) -> None:
        """Take over what those counted that are no workers any more, and remove their files."""
        if self._path is None:
            return
        names = {SUPERVISOR, *map(str, workers)}
        for file in self._path.parent.iterdir():
            if file.name not in names:
                if ended := _numbers_of(file.read_bytes()):
                    for place in _COUNTERS:
                        self._numbers[place] += ended[place]
                file.unlink()

    def of_all(self) -> "Iterator[memoryview[float]]":
        """The numbers of every process, the supervisor's among them."""
        if self._path is None:
            yield self._numbers
            return
        for file in self._path.parent.iterdir():
            try:
                content = file.read_bytes()
            except FileNotFoundError:  # its worker has just ended
                continue
            if numbers := _numbers_of(content):
                yield numbers

    @property
    def workers(self) -> int:
        """Processes that serve."""
        if self._path is None:
            return 1
        return sum(file.name != SUPERVISOR for file in self._path.parent.iterdir())

    def _observe(self, base: int, seconds: float) -> None:
        self._numbers[base + bisect_left(SECONDS, seconds)] += 1
        self._numbers[base + _SUM] += seconds

    def _spread(self, feature: str, value: float) -> None:
        family = FEATURES[feature]
        place = bisect_left(BOUNDS[feature], value)
        self._numbers[family.offset + place] += 1
        self._numbers[family.offset + family.width - 1] += value
        self._numbers[RECENT[feature].offset + place] += 1


def _numbers_of(content: bytes) -> "memoryview[float] | None":
    """A file's numbers; None if it has not all of them: its worker is being started, or found no room for it."""
    return memoryview(content).cast("d") if len(content) == 8 * SIZE else None
