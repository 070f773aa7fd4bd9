"""uvicorn with a drain period, so that stopping loses no requests.

On SIGTERM, readiness fails and every response asks its client to close the connection, but the server still answers.
After the drain period it accepts pending connections, stops listening, finishes the accepted requests and exits. SIGINT
(Ctrl-C) skips the drain period. A second signal stops the server at once, and SIGHUP reloads the model; in a worker of
several, both are up to the supervisor.
"""

import asyncio
import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from math import inf
from types import FrameType

import uvicorn

from ..bundles.reading import BundleId
from ..main import create_app
from ..service import Service
from ..settings import Settings
from ..telemetry import shared
from ..telemetry.metrics import Metrics
from .hangup import HangUp
from .listener import AddressUnavailable, Listener
from .protocol import PROTOCOLS

IN_TRANSIT = 0.5  # seconds to wait for requests on open connections, before uvicorn closes the idle ones

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """See the module docstring, and `run_server`."""

    def __init__(self, config: uvicorn.Config, listener: Listener, hang_up: HangUp | None) -> None:
        super().__init__(config)
        self._listener, self._hang_up = listener, hang_up
        self._supervisor = multiprocessing.parent_process()  # if there are several workers
        self._stops: list[int] = []  # signals that ask to stop
        self._drained_at = inf
        self._reload: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Start the application, then accept connections."""
        await super().startup(sockets=[])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if not self.should_exit:
            self._service: Service = self.lifespan.state["service"]
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            protocol = partial(self.config.http_protocol_class, self.config, **state)  # type: ignore[call-arg]
            self._listener.open(protocol, self.server_state.connections)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Record SIGTERM and SIGINT.

        Nothing else happens here: the interrupted code may hold a lock that metrics or logs need.
        """
        if not self.started or (self._stops and not self._supervisor):
            self.should_exit = self.force_exit = True
        self._stops.append(sig)

    async def on_tick(self, counter: int) -> bool:
        """Run ten times per second; returns whether to stop."""
        self._listener.report()
        if counter % 10 == 0:
            self._service.observe(connections=len(self.server_state.connections))
            if self._supervisor and not self._supervisor.is_alive():
                self._stops.append(signal.SIGTERM)
        if self._hang_up and self._hang_up.reload and not self._stops and (not self._reload or self._reload.done()):
            self._hang_up.reload = False
            self._reload = asyncio.create_task(self._service.reload())
        if self._stops and self._drained_at == inf:
            seconds = 0 if signal.SIGINT in self._stops else self._service.settings.drain
            self._drained_at = time.monotonic() + seconds
            self._listener.drain()
            self._service.begin_draining()
            log.info("draining", extra={"seconds": seconds})
        return await super().on_tick(counter) or time.monotonic() >= self._drained_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening without losing connections, then finish the accepted requests."""
        if not self.force_exit:
            await self._listener.close()
            await asyncio.sleep(IN_TRANSIT)
        await super().shutdown(sockets)
        if self._supervisor and not self._supervisor.is_alive():
            shared.remove_folder()  # the supervisor no longer can


def run_server(
    settings: Settings,
    bundles: Sequence[BundleId],
    listener: Listener,
    metrics: Metrics | None = None,
    hang_up: HangUp | None = None,
) -> None:
    """Serve exactly these bundles until a signal stops this process.

    A worker of several creates its metrics itself, and SIGHUP is up to its supervisor.

    Raises:
        SystemExit: A bundle cannot be served, or another process listens at the address; the log says why. The exit
            code is 1 or 3.
    """
    config = uvicorn.Config(
        create_app(settings, bundles, metrics or Metrics(str(listener.slot))),
        http=PROTOCOLS[settings.http],
        limit_concurrency=settings.limit_concurrency,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        forwarded_allow_ips=settings.trusted_proxies,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        reset_contextvars=True,  # otherwise a pipelined request would inherit the context of the one before it
    )
    try:
        Server(config, listener, hang_up).run()
    except AddressUnavailable as error:
        log.error("cannot serve", extra={"reason": str(error)})
        sys.exit(3)
    except SystemExit:
        sys.exit(1)
