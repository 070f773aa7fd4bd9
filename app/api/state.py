"""What the service is at this moment, and how routes reach it."""

import asyncio
from dataclasses import dataclass, field
from typing import TypedDict

import structlog
from fastapi import Request

from app.inference.bundle import Bundle
from app.inference.errors import NotServing
from app.inference.scorer import Scorer
from app.metrics.exposition import Exposition
from app.metrics.recorder import Recorder
from app.settings import Settings

STARTING = "the service is starting; try again in a moment"

log = structlog.get_logger()


@dataclass(frozen=True)
class Starting:
    """The bundle is being loaded."""


@dataclass(frozen=True)
class Serving:
    """The bundle is loaded and proven.

    Attributes:
        bundle: What is served.
        scorer: What answers for it.
    """

    bundle: Bundle
    scorer: Scorer


@dataclass(frozen=True)
class Broken:
    """The bundle could not be loaded; the process is about to end.

    Attributes:
        reason: For the log and for people; holds paths, so it is not for HTTP.
    """

    reason: str


@dataclass
class Service:
    """The service.

    Attributes:
        settings: Its settings.
        recorder: What it counts.
        phase: What it can do at this moment.
        draining: Whether a stop was asked for: still answering, but new traffic should go elsewhere.
    """

    settings: Settings
    recorder: Recorder = field(default_factory=Recorder.of_worker)
    phase: Starting | Serving | Broken = field(default_factory=Starting)
    draining: bool = False
    _shed: int = 0
    _shed_timer: asyncio.TimerHandle | None = None

    @property
    def shedding(self) -> bool:
        """Whether predictions should be refused unread."""
        return isinstance(self.phase, Serving) and self.phase.scorer.full

    def shed(self) -> None:
        """Log that a prediction was refused unread: the first at once, others once a second, as there may be many."""
        self._shed += 1
        if self._shed_timer is None:
            self._log_shed()

    def _log_shed(self) -> None:
        self._shed_timer = None
        if self._shed:
            log.warning("shedding", refused=self._shed, problem="overloaded")
            self._shed = 0
            self._shed_timer = asyncio.get_running_loop().call_later(1, self._log_shed)

    def begin_draining(self) -> None:
        """Send new traffic elsewhere from now on, but answer what comes."""
        self.draining = True
        self.recorder.ready(False, self.settings.max_waiting)

    def begin_serving(self, bundle: Bundle, scorer: Scorer) -> None:
        """Answer from now on."""
        self.phase = Serving(bundle, scorer)
        self.recorder.ready(not self.draining, self.settings.max_waiting)

    @property
    def exposition(self) -> Exposition:
        """What a scrape gets."""
        bundle = self.phase.bundle if isinstance(self.phase, Serving) else None
        return Exposition(self.recorder, bundle, self.settings.runtime)


class State(TypedDict):
    """What the lifespan hands to every request."""

    service: Service


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.scope["state"]["service"]
    return service


def serving_of(request: Request) -> Serving:
    """The loaded bundle.

    Raises:
        NotServing: There is none, yet or ever.
    """
    service = service_of(request)
    match service.phase:
        case Serving():
            return service.phase
        case Starting():
            raise NotServing(STARTING)
        case Broken():
            raise NotServing("the service could not load its model and is stopping; another replica may answer")
