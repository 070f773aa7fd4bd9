"""Connections: one listening socket, shared fairly by all workers.

The system wakes every worker for a pending connection, and the fastest could take them all. So a worker leaves it to
one that has fewer connections, but only for a moment, as that one may be busy or dead.
"""

import asyncio
import ctypes
import logging
import socket
import time
from collections.abc import Callable, Set
from contextlib import suppress

from ..model.errors import SentimentError
from ..settings import PREFIX

BACKLOG = 2048  # pending connections
YIELD_SECONDS = 0.002  # for which a pending connection is left to another worker
RETRY = 1.0  # seconds until the next try if the system refuses, for example for lack of file descriptors
QUIET = 0.1  # seconds without a new connection after which the socket is closed
MAX_CLOSING = 1.0  # seconds; clients that keep connecting must not delay that forever

log = logging.getLogger(__name__)


class AddressUnavailable(SentimentError):
    """The service cannot listen at an address; `setting` is that of its port."""

    def __init__(self, host: str, port: int, setting: str, error: OSError) -> None:
        option = "--port or " if setting == "PORT" else ""
        another = f"{option}{PREFIX}{setting} sets another port, --host or {PREFIX}HOST another address"
        super().__init__(f"cannot listen on {host}:{port} ({error.strerror}); {another}")


def bind(host: str, port: int) -> socket.socket:
    """Reserve an address. Connections are refused until a `Listener` is opened.

    Raises:
        AddressUnavailable: It is in use, or cannot be used.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise AddressUnavailable(host, port, "PORT", error) from error
    return sock


class WorkerState(ctypes.Structure):
    """What the supervisor and other workers know of a worker, in shared memory.

    Attributes:
        accepting: Whether it is ready for connections and not stopping.
        connections: Its open connections.
        seen: Its last sign of life, on the monotonic clock; 0 until it is ready.
    """

    _fields_ = (("accepting", ctypes.c_bool), ("connections", ctypes.c_int), ("seen", ctypes.c_double))


class Listener:
    """Accepts the connections of one worker.

    Args:
        sock: A bound socket, which workers may share.
        states: The states of all workers.
        slot: The index of this worker's own state; also an attribute.
    """

    def __init__(self, sock: socket.socket, states: ctypes.Array[WorkerState], slot: int) -> None:
        self._sock, self._states, self.slot = sock, states, slot
        self._connecting: set[asyncio.Task[None]] = set()

    def open(self, protocol: Callable[[], asyncio.Protocol], connections: Set[object]) -> None:
        """Start to accept connections; the protocols update `connections`, the open ones.

        Raises:
            AddressUnavailable: Another process has begun to listen there since `bind`.
        """
        self._protocol, self._connections = protocol, connections
        host, port, *_ = self._sock.getsockname()
        self._sock.setblocking(False)
        try:
            self._sock.listen(BACKLOG)
        except OSError as error:
            raise AddressUnavailable(host, port, "PORT", error) from error
        self._states[self.slot].accepting = True
        self._accepting = asyncio.create_task(self._accept())
        log.info(f"running on http://{f'[{host}]' if ':' in host else host}:{port}")

    def report(self) -> None:
        """Update this worker's state."""
        state = self._states[self.slot]
        state.connections, state.seen = len(self._connections) + len(self._connecting), time.monotonic()

    def drain(self) -> None:
        """From now on, leave connections to workers that are not stopping, if there are any."""
        self._states[self.slot].accepting = False

    async def close(self) -> None:
        """Accept the pending connections, which closing the socket would reset, then close it.

        This blocks the event loop on purpose: clients that reconnect as soon as they get a response would keep
        arriving, and a connection that arrives between the last `accept` and `close` is reset.
        """
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        deadline = time.monotonic() + MAX_CLOSING
        with self._sock, suppress(OSError):  # no new connections for a while, or out of file descriptors
            self._sock.settimeout(QUIET)
            while time.monotonic() < deadline:
                with suppress(ConnectionError):  # the client has disconnected
                    self._connect(self._sock.accept()[0])

    async def _accept(self) -> None:
        own, loop, pending = self._states[self.slot], asyncio.get_running_loop(), asyncio.Event()
        while True:
            pending.clear()
            loop.add_reader(self._sock, pending.set)
            try:
                await pending.wait()
            finally:
                loop.remove_reader(self._sock)
            self.report()
            if any(
                other.accepting and (other.connections < own.connections or not own.accepting) for other in self._states
            ):
                await asyncio.sleep(YIELD_SECONDS)
            try:
                self._connect(self._sock.accept()[0])
            except (BlockingIOError, ConnectionError):  # another worker was faster, or the client has disconnected
                pass
            except OSError as error:
                log.error("cannot accept connections", extra={"reason": error.strerror})
                await asyncio.sleep(RETRY)

    def _connect(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._connected(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connected(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):  # the client has disconnected
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
