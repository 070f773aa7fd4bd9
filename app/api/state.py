"""The service's state, created when the application starts, and access to it from requests."""

from dataclasses import dataclass
from typing import TypedDict

from starlette.requests import HTTPConnection

from app.inference.batcher import Batcher
from app.inference.bundle import Bundle
from app.inference.explainer import Explainer
from app.memory import resident_bytes
from app.metrics import Metrics
from app.settings import Settings


@dataclass
class Service:
    """Everything a request may need.

    Attributes:
        settings: The settings.
        bundle: The bundle that is served.
        batcher: Scores reviews.
        explainer: Explains predictions.
        metrics: The metrics to update.
        draining: Whether the service is stopping: it still answers, but new traffic should go elsewhere.
    """

    settings: Settings
    bundle: Bundle
    batcher: Batcher
    explainer: Explainer
    metrics: Metrics
    draining: bool = False

    def observe(self, connections: int) -> None:
        """Update the gauges; called once per second.

        Args:
            connections: Open client connections.
        """
        self.metrics.waiting.set(self.batcher.waiting)
        self.metrics.explaining.set(self.explainer.requests)
        self.metrics.connections.set(connections)
        self.metrics.memory.set(resident_bytes())

    def begin_draining(self) -> None:
        """Signal that traffic should go elsewhere from now on, but keep answering."""
        self.draining = True
        self.metrics.workers_ready.set(0)


class State(TypedDict):
    """The lifespan's state, which uvicorn copies into the scope of every request."""

    service: Service


def service_of(request: HTTPConnection) -> Service:
    """The service that received a request."""
    service: Service = request.scope["state"]["service"]
    return service
