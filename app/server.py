"""uvicorn, with an orderly way to stop: lose traffic first, requests never.

On SIGTERM readiness fails and every response asks its client to close the connection, while the server still answers
whatever comes. After `drain` seconds it takes what is waiting at its door, stops listening, finishes what it accepted
and ends. SIGINT, a person's, skips the wait; a second signal ends at once.
"""

import asyncio
import ctypes
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.api.state import Broken, Service, Starting
from app.connection import Connection
from app.memory import resident_bytes

TICK = 0.1
"""Seconds between a server's looks at itself."""

LATE = 2.0
"""Seconds that a worker goes on for, if the supervisor is late to turn newcomers away. It may never do: a worker may be
stopped by itself, and some containers allow no filters; nothing is lost by then, or it cannot be helped."""

HANDSHAKE = 0.2
"""Seconds in which who has begun to connect may finish, once nobody else may begin: a round trip to anywhere near."""

FILTER = 26
"""SO_ATTACH_FILTER and SO_GET_FILTER, which Python does not name."""

log = structlog.get_logger()


class Server(uvicorn.Server):
    """See the module; the arguments are those of `uvicorn.Server`."""

    _loop: asyncio.AbstractEventLoop
    _ended: asyncio.Event
    _signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        if self.config.workers == 1:
            await super().startup(sockets)
            return
        # One of several workers that share a port: it takes connections once it can answer them, and not before.
        await super().startup([])
        self.started = False
        service: Service = self.lifespan.state["service"]
        while isinstance(service.phase, Starting) and not self.should_exit:
            await asyncio.sleep(0.02)
        if isinstance(service.phase, Broken):
            sys.exit(STARTUP_FAILURE)
        for listener in sockets or []:
            server = await self._loop.create_server(self._connection, sock=listener, backlog=self.config.backlog)
            self.servers.append(server)
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """See `uvicorn.Server`; called ten times a second."""
        if counter % 10 == 0:
            service: Service = self.lifespan.state["service"]
            service.recorder.state(len(self.server_state.connections), resident_bytes())
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Take a signal."""
        if sig == signal.SIGINT and self.config.workers > 1:
            return  # from a terminal, every process of the group gets it; the supervisor tells its workers
        if self._signalled or not hasattr(self, "_loop"):
            self.should_exit = self.force_exit = True
            if self._signalled:
                self._loop.call_soon_threadsafe(self._abort)
            return
        self._signalled = True
        self._loop.call_soon_threadsafe(self._drain, sig == signal.SIGTERM)

    def _drain(self, patiently: bool) -> None:
        service: Service | None = self.lifespan.state.get("service")
        broken = service is None or isinstance(service.phase, Broken)
        seconds = service.settings.drain if service and patiently and not broken else 0
        if service:
            service.begin_draining()
        if seconds:
            log.info("draining", seconds=seconds)
        self._loop.call_later(seconds, self._end)

    def _end(self) -> None:
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """See `uvicorn.Server`; this one ends at once when it should."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), TICK)

    def _abort(self) -> None:
        self._end()
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        # Closing a listening socket resets the connections that the system has accepted and the server has not. So let
        # nobody begin to connect, and let in who has begun; then keep the door in hand while uvicorn stops looking at
        # it, let in who stands there, and shut it.
        listeners = [listener for server in self.servers for listener in server.sockets]
        if listeners:
            await self._turn_away(listeners)
        doors = []
        for listener in listeners:
            with suppress(OSError):  # no descriptor is left; what was accepted is finished all the same
                doors.append(socket.socket(fileno=socket.dup(listener.fileno())))
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await asyncio.sleep(0)
        newcomers = [newcomer for door in doors for newcomer in close_door(door)]
        for newcomer in newcomers:
            await self._loop.connect_accepted_socket(self._connection, newcomer)
        await super().shutdown(sockets)

    async def _turn_away(self, listeners: Sequence[socket.socket]) -> None:
        """Let nobody begin to connect any more; whoever has begun may finish, and is let in."""
        if self.config.workers == 1:
            for listener in listeners:
                turn_newcomers_away(listener)
        else:  # the supervisor does that, for all of them
            deadline = self._loop.time() + LATE
            while not all(map(turns_newcomers_away, listeners)) and not self._over(deadline):
                await asyncio.sleep(0.005)
        deadline = self._loop.time() + HANDSHAKE
        while not self._over(deadline):
            await asyncio.sleep(0.005)

    def _over(self, deadline: float) -> bool:
        return self.force_exit or self._loop.time() >= deadline

    def _connection(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol


def close_door(door: socket.socket) -> list[socket.socket]:
    """Close a listening socket; returns the connections that were waiting there."""
    newcomers = []
    with door:
        door.setblocking(False)
        while True:
            try:
                newcomer, _ = door.accept()
            except ConnectionError:  # gone again
                continue
            except OSError:  # nobody waits, or there is no descriptor left for who does
                break
            newcomer.setblocking(False)
            newcomers.append(newcomer)
    return newcomers


def turn_newcomers_away(listener: socket.socket) -> None:
    """Let the system drop whatever asks a listening socket that is about to close for a connection.

    Between the last look at who waits and the closing, someone might come and be reset. One whose first packet is
    dropped tries again a second later and is refused, or meets another replica. Who is in the middle of the handshake
    is not dropped: a client believes that it is connected before the server knows. Where the system has no such filters
    or does not allow them, that gap of microseconds remains.
    """
    if sys.platform == "linux":
        instructions = b"".join(
            struct.pack("HBBI", *instruction)
            for instruction in (
                (0x30, 0, 0, 13),  # load the byte with the TCP flags
                (0x45, 0, 1, 0x02),  # if SYN is among them, go on, else skip one
                (0x06, 0, 0, 0),  # keep nothing of the packet
                (0x06, 0, 0, 0xFFFF_FFFF),  # keep all of it
            )
        )
        held = ctypes.create_string_buffer(instructions)
        program = struct.pack("HL", len(instructions) // 8, ctypes.addressof(held))
        with suppress(OSError):  # some containers may not
            listener.setsockopt(socket.SOL_SOCKET, FILTER, program)


def turns_newcomers_away(listener: socket.socket) -> bool:
    """Whether `turn_newcomers_away` was called for a listening socket, by this process or another that shares it."""
    if sys.platform != "linux":
        return True  # it does nothing there
    try:
        return len(listener.getsockopt(socket.SOL_SOCKET, FILTER, 64)) > 0
    except OSError:  # a sandbox without filters
        return False
