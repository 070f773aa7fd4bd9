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
    """See the module docstring.

    Args:
        config: uvicorn's configuration; the listener replaces its address.
        listener: Accepts the connections.
        hang_up: Receives SIGHUP; None in a worker of several.
    """

    def __init__(self, config: uvicorn.Config, listener: Listener, hang_up: HangUp | None) -> None:
        super().__init__(config)
        self._listener = listener
        self._hang_up = hang_up
        self._parent = multiprocessing.parent_process()  # the supervisor, if there are several workers
        self._stopping = self._interrupted = False
        self._drained_at: float | None = None
        self._reload: asyncio.Task[None] | None = None

    @property
    def service(self) -> Service:
        """The application's state, once it has started."""
        service: Service = self.lifespan.state["service"]
        return service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Start the application, then accept connections."""
        await super().startup(sockets=[])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        if not self.should_exit:
            state = {"server_state": self.server_state, "app_state": self.lifespan.state}
            protocol = partial(self.config.http_protocol_class, self.config, **state)  # type: ignore[call-arg]
            self._listener.open(protocol, self.server_state.connections)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Record SIGTERM and SIGINT; see the module docstring.

        Nothing else happens here: the interrupted code may hold a lock that metrics or logs need.
        """
        if not self.started or (self._stopping and self._parent is None):
            self.should_exit = self.force_exit = True
        self._interrupted |= sig == signal.SIGINT
        self._stopping = True

    async def on_tick(self, counter: int) -> bool:
        """Run ten times per second; returns whether to stop."""
        self._listener.report()
        if counter % 10 == 0:
            self.service.observe(connections=len(self.server_state.connections))
            if self._parent is not None and not self._parent.is_alive():
                self._stopping = True
        if self._hang_up and self._hang_up.received and not self._stopping:
            if self._hang_up.terminal_closed:
                self._stopping = True
            elif self._reload is None or self._reload.done():
                self._hang_up.received = False
                self._reload = asyncio.create_task(self.service.reload())
        if self._stopping and self._drained_at is None:
            seconds = 0 if self._interrupted else self.service.settings.drain
            self._drained_at = time.monotonic() + seconds
            self._listener.drain()
            self.service.begin_draining()
            log.info("draining", extra={"seconds": seconds})
        drained = self._drained_at is not None and time.monotonic() >= self._drained_at
        return await super().on_tick(counter) or drained

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening without losing connections, then finish the accepted requests."""
        self._listener.close()
        if not self.force_exit:
            await asyncio.sleep(IN_TRANSIT)
        await super().shutdown(sockets)


def run_server(
    settings: Settings,
    bundles: Sequence[BundleId],
    listener: Listener,
    metrics: Metrics,
    hang_up: HangUp | None = None,
) -> None:
    """Serve exactly these bundles until a signal stops this process.

    Raises:
        SystemExit: A bundle cannot be served, or another process listens at the address; the log says why. The exit
            code is 1 or 3.
    """
    config = uvicorn.Config(
        create_app(settings, bundles, metrics),
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


def run_worker(settings: Settings, bundles: Sequence[BundleId], listener: Listener) -> None:
    """Serve as one worker of several; see `run_server`."""
    try:
        run_server(settings, bundles, listener, Metrics(str(listener.slot)))
    finally:
        supervisor = multiprocessing.parent_process()
        if supervisor is not None and not supervisor.is_alive():
            shared.remove_folder()  # the supervisor no longer can
