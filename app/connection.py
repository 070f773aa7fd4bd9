"""One client's connection, below ASGI: uvicorn's HTTP/1.1, with limits on sizes and times.

What never becomes a request gets its answer here, as problem+json like any other: bytes that are not HTTP (400), a
request that does not arrive in time (408), a target (414) or headers (431) that are too large.
"""

import asyncio
import secrets
from typing import Any

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.api.problems import RETRY_AFTER
from app.api.refusals import (
    HEADERS_TOO_LARGE,
    MALFORMED,
    MAX_HEADERS,
    MAX_PIPELINED,
    MAX_TARGET,
    TARGET_TOO_LONG,
    TOO_MANY_PIPELINED,
    Refusal,
    too_busy,
    too_slow,
)
from app.api.requests import ANSWERED, ids_of
from app.api.state import Service
from app.routes import PREDICTIONS, route_of

HOSTS = {"1.1": (1,), "1.0": (0, 1)}
"""HTTP version -> how many Host headers a request may have (RFC 9112, 3.2)."""

FINAL_RESPONSES = tuple(b"HTTP/1.1 %d" % kind for kind in (2, 3, 4, 5))
"""How a response begins; 1xx are interim ones, which nobody should wait for."""

LINGER = 2.0
"""Seconds in which what a client still sends is thrown away after a response that ends the connection. Closed at once,
the system would answer those bytes with a reset, and the client might never see the response."""

LAST_CALL = 0.5
"""Seconds that an idle connection stays open after the server stopped listening: a request may be on its way."""

log = structlog.get_logger()


class _Shed:
    """In the place of uvicorn's request when there was none: it has been answered."""

    response_complete = response_started = True
    more_body = keep_alive = disconnected = False

    def __init__(self) -> None:
        self.message_event = asyncio.Event()


SHED = _Shed()


class _Unacceptable(Exception):
    """Ends the parsing of a request; `Connection._refusal` says why, if it is not just malformed."""


class Connection(HttpToolsProtocol):
    """See the module. The arguments are those of uvicorn's protocols."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._service: Service = app_state["service"]
        self._arrived = True  # whether the last request that began to arrive has arrived
        self._in_head = True  # whether what comes next belongs to a request line or headers
        self._in_lines = True  # the same, or to trailers: what is made of lines, and kept until a line is complete
        self._line = 0  # bytes of a line that is not complete
        self._headers_size = 0  # bytes of the headers parsed so far
        self._hosts = 0  # headers that name the host
        self.url = b""  # uvicorn sets it when a request begins
        self._refusal: Refusal | None = None
        self._arrival_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._real_transport: asyncio.Transport = None  # type: ignore[assignment]  # from connection_made on
        self._deaf = False  # whether what still comes is thrown away
        self._ending = False  # whether all is said, and the connection only waits for the client to stop sending

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        self._real_transport = transport
        self._own_transport = _Transport(transport, self)
        super().connection_made(self._own_transport)  # type: ignore[arg-type]
        self._start_arrival_timer()  # uvicorn's own keep-alive begins with the first response

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._arrived = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._deaf:
                return
            self._stay_with_http(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self.url:  # not even the method can be read; clients want their own form of errors all the same
                self.url = b"".join(data.split(b" ", 2)[1:2])
            self._refuse(self._refusal or MALFORMED)
            return
        if self._arrived or self._deaf:
            return
        if self._in_lines:
            end = data.rfind(b"\n")
            self._line = len(data) - end - 1 if end >= 0 else self._line + len(data)
            if self._line > MAX_HEADERS:
                self._refuse(HEADERS_TOO_LARGE)
                return
        if self._arrival_timer is None:
            self._start_arrival_timer()

    def _stay_with_http(self, rest: bytes) -> None:
        """Read the body of a request that asks for another protocol, as nobody need grant it; then close.

        The parser takes what follows the head for that other protocol. So another one reads it, behind a head that says
        how the body is delimited, and nothing else.
        """
        self.cycle.keep_alive = False
        self.parser = httptools.HttpRequestParser(_Body(self))
        framing = (b"content-length", b"transfer-encoding")
        headers = b"".join(b"%b: %b\r\n" % header for header in self.headers if header[0] in framing)
        try:
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n%b" % (headers, rest))
        except httptools.HttpParserError:
            self._refuse(MALFORMED)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more; what it has sent whole is still answered."""
        answered = self.cycle is None or self.cycle.response_complete
        if (self._arrived or self._deaf) and not (answered or self._ending):
            self.cycle.keep_alive = False
            return True
        return False

    # Parser callbacks

    def on_message_begin(self) -> None:
        """See `HttpToolsProtocol`."""
        self._arrived = False
        self._in_head = self._in_lines = True
        self._headers_size = self._hosts = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """See `HttpToolsProtocol`."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET:
            self._refusal = TARGET_TOO_LONG
            raise _Unacceptable

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `HttpToolsProtocol`; trailers come here too."""
        self._headers_size += len(name) + len(value) + 4
        if self._headers_size > MAX_HEADERS:
            self._refusal = HEADERS_TOO_LARGE
            raise _Unacceptable
        if len(name) == 4 and name.lower() == b"host":
            self._hosts += 1
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See `HttpToolsProtocol`."""
        version = self.parser.get_http_version()
        if version not in HOSTS or self._hosts not in HOSTS[version]:
            raise _Unacceptable
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = TOO_MANY_PIPELINED
            raise _Unacceptable
        if not (self._service.shedding and self._shed()):
            super().on_headers_complete()
        self._in_head = self._in_lines = False

    def on_chunk_header(self) -> None:
        """A part of the body begins, or, if it is the last and empty one, the trailers; see `httptools`."""
        self._in_lines = True

    def on_body(self, body: bytes) -> None:
        """See `HttpToolsProtocol`."""
        self._in_lines = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See `HttpToolsProtocol`."""
        if self.parser.should_upgrade():
            return  # said too early; see `_stay_with_http`
        self._arrived = self._in_head = self._in_lines = True
        if self._arrival_timer is not None:
            self._arrival_timer.cancel()
            self._arrival_timer = None
        if isinstance(self.cycle, _Shed):
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _shed(self) -> bool:
        """Refuse a prediction that there is no room for, without making a request of it.

        A refusal must cost little, or a service with too much to do would spend its time on refusals.

        Returns:
            Whether it is one, and nothing before it on the connection waits for its answer.
        """
        unanswered = self.cycle is not None and not self.cycle.response_complete
        path = self._path
        if unanswered or route_of(path) not in PREDICTIONS or self.parser.get_method() != b"POST":
            return False
        if any(name == b"origin" for name, _ in self.headers):
            return False  # a page in a browser; without the headers for it, it could not read the refusal
        refusal = too_busy(self._service.settings.max_waiting)
        # The parser would take what follows a request for another protocol as that protocol.
        close = self._service.draining or self.parser.should_upgrade() or not self.parser.should_keep_alive()
        request_id, _ = ids_of(self.scope)  # type: ignore[arg-type]
        self.cycle = SHED  # type: ignore[assignment]
        headers = self.server_state.default_headers
        self.transport.write(refusal.response(path, request_id, headers, close, RETRY_AFTER))
        self._service.recorder.request("POST", path, refusal.status.value, 0.0, refusal.type)
        self._service.shed()
        if close:
            self.transport.close()
        return True

    @property
    def _path(self) -> str:
        """Of the request, as far as it has arrived."""
        return self.url.partition(b"?")[0].decode("latin-1")

    def on_response_complete(self) -> None:
        """See `HttpToolsProtocol`."""
        self._own_transport.flush()
        last = not self.pipeline
        super().on_response_complete()
        if last and self._deaf and not self._ending:
            self.transport.close()  # see `_refuse`

    # Time

    def _start_arrival_timer(self) -> None:
        self._arrival_timer = self.loop.call_later(self._service.settings.request_timeout, self._too_slow)

    def _too_slow(self) -> None:
        self._arrival_timer = None
        if self._arrived:
            self.transport.close()  # it never sent anything
            return
        self._refuse(too_slow(self._service.settings.request_timeout))

    def pause_writing(self) -> None:
        """The client does not take its response; see `asyncio.Protocol`."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._service.settings.request_timeout, self.abort)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _stop_timers(self) -> None:
        for timer in (self._arrival_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._arrival_timer = self._write_timer = None

    # Ends

    def shutdown(self) -> None:
        """The server has stopped listening; see `HttpToolsProtocol`."""
        if self.cycle is None or self.cycle.response_complete:
            # In two steps: when the first is late, a request may have come that the loop has not looked at yet.
            self.loop.call_later(LAST_CALL, self.loop.call_later, 0.01, self._close_idle)
        else:
            self.cycle.keep_alive = False

    def _close_idle(self) -> None:
        if self._arrived and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()

    def abort(self) -> None:
        """Close the connection without regard to what is under way."""
        self._real_transport.abort()

    def end(self) -> None:
        """Close the connection, at once or as soon as the client has stopped sending."""
        self._stop_timers()
        if self._arrived or self._ending or self._real_transport.is_closing():
            self._real_transport.close()
            return
        self._deaf = self._ending = True
        self._real_transport.resume_reading()
        if self._real_transport.can_write_eof():
            self._real_transport.write_eof()
        self._arrival_timer = self.loop.call_later(LINGER, self.abort)

    @property
    def ending(self) -> bool:
        """Whether the connection takes no more requests."""
        return self._ending or self._real_transport.is_closing()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what is no request, unless there is an answer on its way; the connection ends."""
        request_id = secrets.token_hex(16)
        self._service.recorder.rejected(refusal.type)
        client = {"client": self.client[0]} if self.client else {}
        log.info("request refused", status=refusal.status.value, reason=refusal.type, request_id=request_id, **client)
        cycle = self.cycle
        unanswered = cycle is not None and not cycle.response_complete
        if unanswered and not cycle.more_body:
            # The request before it is being worked at, and gets its answer; the connection ends with that.
            cycle.keep_alive = False
            self._be_deaf()
            return
        if self.pipeline:
            # The same, but its head has arrived already and it stands in the line.
            self.pipeline.popleft()
            self._be_deaf()
            return
        if unanswered:
            # A request of which only the head has arrived. The application learns that its client is gone.
            cycle.scope[ANSWERED] = refusal.status.value  # type: ignore[literal-required]
            cycle.disconnected = True
            cycle.message_event.set()
        if self._in_head or (unanswered and not cycle.response_started):
            headers = self.server_state.default_headers
            self.transport.write(refusal.response(self._path, request_id, headers, close=True))
        self._arrived = False  # whatever comes is thrown away
        self.transport.close()

    def _be_deaf(self) -> None:
        """Throw away what still comes, in its own time, and wait for the answers that are under way."""
        self._deaf = True
        self._arrived = False
        if self._arrival_timer is not None:
            self._arrival_timer.cancel()
            self._arrival_timer = None


class _Body:
    """Parser callbacks that let a connection have a body, and nothing else."""

    def __init__(self, connection: Connection) -> None:
        self.on_body = connection.on_body
        self.on_chunk_header = connection.on_chunk_header
        self.on_message_complete = connection.on_message_complete


class _Transport:
    """The connection's transport as uvicorn sees it.

    The head of a response leaves together with the beginning of its body, in one system call: a process that is killed
    between the two would leave half a response, which a balancer cannot ask another replica for. Closing goes through
    `Connection.end`.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._write = transport.write
        self._head = b""
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.set_protocol = transport.set_protocol
        self._connection = connection

    def write(self, data: bytes) -> None:
        if self._head:
            self._write(self._head + data)
            self._head = b""
        elif data.endswith(b"\r\n\r\n") and data.startswith(FINAL_RESPONSES):
            self._head = data
        else:
            self._write(data)

    def flush(self) -> None:
        """Let a head go that has no body."""
        if self._head:
            self._write(self._head)
            self._head = b""

    def is_closing(self) -> bool:
        return self._connection.ending

    def close(self) -> None:
        self.flush()
        self._connection.end()
