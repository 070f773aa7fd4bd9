"""uvicorn with a drain period, so that stopping loses no requests.

On SIGTERM, readiness fails and every response asks its client to close the connection, but the server still answers.
After the drain period it accepts pending connections, stops listening, finishes the accepted requests and exits. SIGINT
(Ctrl-C) skips the drain period; a second signal stops the server at once. SIGHUP reloads the model.
"""

import asyncio
import os
import signal
import socket
import time
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn

from app.service import Service

ACCEPT_TIMEOUT = 0.1
"""Seconds without a new connection after which a listener is closed."""

MAX_ACCEPTING = 1.0
"""Maximum seconds to keep accepting; clients that keep connecting must not delay the stop forever."""

IN_TRANSIT = 0.5
"""Seconds to wait for requests in transit on open connections, before uvicorn closes the idle ones."""

log = structlog.get_logger()


class Server(uvicorn.Server):
    """See the module docstring; takes the arguments of `uvicorn.Server`."""

    stopping = False
    interrupted = False
    hung_up = False
    drained_at: float | None = None
    reload: asyncio.Task[None] | None = None

    @property
    def service(self) -> Service:
        """The application's state, once it has started."""
        service: Service = self.lifespan.state["service"]
        return service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`; also handles SIGHUP."""
        terminal = Terminal()

        def hang_up(*_: object) -> None:
            if not terminal.closed:
                self.hung_up = True
            elif self.config.workers == 1:  # otherwise the supervisor stops the workers
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                signal.raise_signal(signal.SIGHUP)

        signal.signal(signal.SIGHUP, hang_up)
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Record SIGTERM and SIGINT; see the module docstring.

        Nothing else happens here: the interrupted code may hold a lock that metrics or logs need.
        """
        if sig == signal.SIGINT:
            self.interrupted = True
            if self.config.workers > 1:
                return  # a terminal sends it to the whole process group; the supervisor follows up with SIGTERM
        if self.stopping or not self.started:
            self.should_exit = self.force_exit = True
        self.stopping = True

    async def on_tick(self, counter: int) -> bool:
        """Run ten times per second; returns whether to stop."""
        if self.stopping and self.drained_at is None:
            seconds = 0 if self.interrupted else self.service.settings.drain
            self.drained_at = time.monotonic() + seconds
            self.service.begin_draining()
            log.info("draining", seconds=seconds)
        if self.hung_up and not self.stopping and (self.reload is None or self.reload.done()):
            self.hung_up = False
            self.reload = asyncio.create_task(self.service.reload())
        if counter % 10 == 0:
            self.service.observe(connections=len(self.server_state.connections))
        drained = self.drained_at is not None and time.monotonic() >= self.drained_at
        return await super().on_tick(counter) or drained

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept pending connections, which closing their listener would reset, then shut down."""
        listeners: list[socket.socket] = []
        with suppress(OSError):  # out of file descriptors; accepted requests are still finished
            for server in self.servers:
                listeners += [socket.socket(fileno=socket.dup(sock.fileno())) for sock in server.sockets]
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in [connection for listener in listeners for connection in pending_connections(listener)]:
            with suppress(OSError):  # the client has disconnected
                await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        if not self.force_exit:
            await asyncio.sleep(IN_TRANSIT)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


class Terminal:
    """The terminal that this process was started from, if any; the system sends SIGHUP when it is closed."""

    def __init__(self) -> None:
        ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # by nohup, to survive the terminal
        self._watched = not ignored and _has_terminal()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._watched and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def pending_connections(listener: socket.socket) -> list[socket.socket]:
    """Accept the pending connections of a listener, and close it once no more arrive.

    This blocks the event loop on purpose: clients that reconnect as soon as they get a response would keep arriving,
    and a connection that arrives between the last `accept` and `close` is reset.
    """
    connections = []
    deadline = time.monotonic() + MAX_ACCEPTING
    with listener, suppress(OSError):  # no new connections for a while, or out of file descriptors
        listener.settimeout(ACCEPT_TIMEOUT)
        while time.monotonic() < deadline:
            with suppress(ConnectionError):  # the client has disconnected
                connections.append(listener.accept()[0])
    return connections
