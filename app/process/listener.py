"""Connections: one listening socket, shared fairly by all workers.

The system wakes every worker for a pending connection, and whichever is first could take them all. So a worker leaves a
connection to one that has fewer, for a moment: that one may be busy or dead.
"""

import asyncio
import ctypes
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from app.inference.errors import SentimentError
from app.settings import PREFIX

BACKLOG = 2048
"""Maximum pending connections."""

LEAVING = 0.002
"""Seconds that a pending connection is left to a worker with fewer connections."""

RETRY = 1.0
"""Seconds until the next try to accept after the system refused, for example for lack of file descriptors."""

QUIET = 0.1
"""Seconds without a new connection after which the listener is closed."""

MAX_CLOSING = 1.0
"""Maximum seconds to keep accepting while it is being closed; clients that keep connecting must not delay the stop."""

log = structlog.get_logger()


class AddressUnavailable(SentimentError):
    """The service cannot listen at an address; `setting` is that of its port."""

    def __init__(self, host: str, port: int, setting: str, reason: OSError) -> None:
        super().__init__(
            f"cannot listen on {host}:{port} ({reason.strerror}); {PREFIX}{setting} sets another port, {PREFIX}HOST "
            "another address"
        )


class WorkerState(ctypes.Structure):
    """What the workers and the supervisor know about a worker, in shared memory.

    Attributes:
        accepting: Whether it is ready for connections and not stopping.
        connections: Its open connections.
        seen: Last sign of life, on the monotonic clock.
    """

    _fields_ = (("accepting", ctypes.c_bool), ("connections", ctypes.c_int), ("seen", ctypes.c_double))


def bind(host: str, port: int) -> socket.socket:
    """Reserve an address; connections are refused until a worker listens.

    Raises:
        AddressUnavailable: It is in use, not allowed, or not of this machine.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressUnavailable(host, port, "PORT", error) from error
    return listener


class Listener:
    """Accepts connections for one worker.

    Args:
        sock: A bound socket; workers may share it.
        states: The states of all workers.
        slot: Index of this worker's state.
    """

    def __init__(self, sock: socket.socket, states: Sequence[WorkerState], slot: int) -> None:
        self._sock = sock
        self._states = states
        self._state = states[slot]
        self._connecting: set[asyncio.Task[None]] = set()

    def open(self, protocol: Callable[[], asyncio.Protocol], connections: set[object]) -> None:
        """Start to accept connections.

        Args:
            protocol: Creates the protocol of a connection.
            connections: All open connections, which the protocols keep up to date.
        """
        self._protocol, self._connections = protocol, connections
        self._state.accepting = True
        self.report()
        self._sock.listen(BACKLOG)
        self._watch()
        host, port, *_ = self._sock.getsockname()
        log.info(f"running on http://{f'[{host}]' if ':' in host else host}:{port}")

    def report(self) -> None:
        """Update this worker's state."""
        self._state.connections = len(self._connections) + len(self._connecting)
        self._state.seen = time.monotonic()

    def drain(self) -> None:
        """From now on, leave connections to workers that are not stopping, if there are any."""
        self._state.accepting = False

    def close(self) -> None:
        """Accept the pending connections, which closing the socket would reset, then close it.

        This blocks the event loop on purpose: clients that reconnect as soon as they get a response would keep
        arriving, and a connection that arrives between the last `accept` and `close` is reset.
        """
        asyncio.get_running_loop().remove_reader(self._sock)
        deadline = time.monotonic() + MAX_CLOSING
        with self._sock, suppress(OSError):  # no new connections for a while, or out of file descriptors
            self._sock.settimeout(QUIET)
            while time.monotonic() < deadline:
                with suppress(ConnectionError):  # the client has disconnected
                    self._connect(self._sock.accept()[0])

    def _watch(self) -> None:
        if self._sock.fileno() != -1:  # it may have been closed in the meantime
            asyncio.get_running_loop().add_reader(self._sock, self._pending)

    def _pending(self) -> None:
        self.report()
        own = self._state
        if any(
            state.accepting and (state.connections < own.connections or not own.accepting) for state in self._states
        ):
            asyncio.get_running_loop().remove_reader(self._sock)
            asyncio.get_running_loop().call_later(LEAVING, self._accept)
        else:
            self._accept()

    def _accept(self) -> None:
        try:
            self._connect(self._sock.accept()[0])
        except (BlockingIOError, ConnectionError):  # another worker was faster, or the client has disconnected
            pass
        except OSError as error:
            if self._sock.fileno() != -1:
                log.error("cannot accept connections", reason=error.strerror)
                asyncio.get_running_loop().remove_reader(self._sock)
                asyncio.get_running_loop().call_later(RETRY, self._watch)
            return
        self._watch()

    def _connect(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._connected(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connected(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        with suppress(OSError):  # the client has disconnected
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
