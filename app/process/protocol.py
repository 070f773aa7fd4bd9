"""uvicorn's HTTP protocols, with what they lack: limits for the head of a request, upgrades, half-closed connections.

Of a request that asks for another protocol, as Java's client does (`Upgrade: h2c`), httptools skips the body. This
service has no other protocol, and a server may ignore the wish (RFC 9110, 7.8): the head is parsed again without it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 65_536
"""A request without a complete head is rejected once it has more bytes; the body has a limit of its own."""

HALF_CLOSED = 0.2
"""Seconds to respond to a client that sends no more: it waits for the response, or it has disconnected."""


class HalfClosing:
    """Responds to a client that has shut down its sending side; uvicorn would disconnect it."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    shutdown: Callable[[], None]

    def eof_received(self) -> bool:
        """See `asyncio.Protocol`; returns that the transport is not to be closed yet."""
        self.shutdown()  # closes an idle connection now, others after their response
        self.loop.call_later(HALF_CLOSED, self.transport.close)
        return True


class H11(HalfClosing, H11Protocol):  # type: ignore[misc]
    """uvicorn's protocol for h11."""


class Parser(httptools.HttpRequestParser):
    """A parser that goes on where httptools stops for an upgrade."""

    def __init__(self, protocol: "HttpTools") -> None:
        super().__init__(protocol)
        self._protocol = protocol
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does, for pipelined requests

    def feed_data(self, data: Any) -> None:
        """See httptools."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._protocol.ignore_upgrade(data[upgrade.args[0] :])


class HttpTools(HalfClosing, HttpToolsProtocol):  # type: ignore[misc]
    """uvicorn's protocol for httptools, see the module docstring."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.parser = Parser(self)
        self._head = 0  # bytes received since the last head or part of a body was complete

    def data_received(self, data: bytes) -> None:
        """See uvicorn; limits heads and trailers."""
        if self._head > MAX_HEAD:
            self.send_400_response("Invalid HTTP request received.")
            return
        self._head += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._head = 0
        if self.parser.get_method() == b"CONNECT":
            raise httptools.HttpParserError("this is no proxy")
        if self.parser.should_upgrade():
            return  # `ignore_upgrade` follows
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise httptools.HttpParserError("there must be one Host")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See uvicorn."""
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See uvicorn."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def ignore_upgrade(self, rest: bytes) -> None:
        """Parse the current request's head again, without its wish for an upgrade, and then `rest`."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        kept = [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        head = b"\r\n".join([b"%b %b HTTP/%b" % (method, self.url, version), *kept, b"", b""])
        self.parser = Parser(self)
        self.parser.feed_data(head + rest)


PROTOCOLS: dict[str, type[asyncio.Protocol]] = {"httptools": HttpTools, "h11": H11}
"""By the names of parsers in SENTIMENT_HTTP."""
