"""What the service is at this moment, and how routes reach it."""

from dataclasses import dataclass, field, replace
from typing import TypedDict

from fastapi import Request

from app.inference.bundle import Bundle
from app.inference.errors import NotServing
from app.inference.scorer import Scorer
from app.metrics.exposition import Exposition
from app.metrics.recorder import Recorder
from app.settings import Settings


@dataclass(frozen=True)
class Starting:
    """The bundle is being loaded."""


@dataclass(frozen=True)
class Serving:
    """The bundle is loaded and proven.

    Attributes:
        bundle: What is served.
        scorer: What answers for it.
        draining: Whether a stop was asked for: still answering, but new traffic should go elsewhere.
    """

    bundle: Bundle
    scorer: Scorer
    draining: bool = False


@dataclass(frozen=True)
class Broken:
    """The bundle could not be loaded; the process is about to end.

    Attributes:
        reason: For the log and for people; holds paths, so it is not for HTTP.
    """

    reason: str


@dataclass
class Service:
    """The service's settings, what it counts, and its phase, the one thing about it that changes."""

    settings: Settings
    recorder: Recorder = field(default_factory=Recorder.of_worker)
    phase: Starting | Serving | Broken = field(default_factory=Starting)

    @property
    def draining(self) -> bool:
        """Whether a stop was asked for."""
        return isinstance(self.phase, Serving) and self.phase.draining

    def begin_draining(self) -> None:
        """Send new traffic elsewhere from now on, but answer what comes."""
        if isinstance(self.phase, Serving):
            self.phase = replace(self.phase, draining=True)
            self.recorder.ready(False, self.settings.max_waiting)

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
            raise NotServing("the service is starting; try again in a moment")
        case Broken():
            raise NotServing("the service could not load its model and is stopping; another replica may answer")
