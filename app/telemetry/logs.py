"""Structured logs of this service and of uvicorn: one line per event, in one format, on standard output."""

import json
import logging
import os
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

import h11
import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor, WrappedLogger

from app.telemetry.output import STDOUT, standard_output

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the current request."""


def configure_logs(level: str, format_: Literal["json", "console"] | None) -> None:
    """Send every log line of the process through one formatter.

    Tracebacks never show local variables, because those may contain review text.

    Args:
        level: Minimum level of lines.
        format_: `json` or `console`; None: JSON, or coloured text on a terminal.
    """
    shared: list[Processor] = [_add_request_id, structlog.processors.add_log_level]
    if format_ == "console" or (format_ is None and os.isatty(STDOUT)):
        # `repr_native_str`: a path may contain bytes that would control the terminal.
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, repr_native_str=True)
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
        last: list[Processor] = [console]
    else:
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        shared.append(_add_timestamp)
        last = [structlog.processors.ExceptionRenderer(traceback), _to_json]
    # Our own lines go straight to the output: the standard library's logging costs several times as much.
    output = standard_output()
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: output,
    )
    handler = logging.StreamHandler(output)
    handler.terminator = ""  # the output ends the lines
    handler.addFilter(_without_known_tracebacks)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


class RequestLog:
    """Writes the log lines of requests.

    They get the same processors as all other lines. But there are thousands per second, and structlog would copy the
    fields of each one four times.
    """

    def __init__(self) -> None:
        self._output = standard_output()
        self._processors: list[Processor] = structlog.get_config()["processors"]
        levels = (("debug", logging.DEBUG), ("info", logging.INFO))
        self._enabled = [name for name, level in levels if structlog.get_logger().is_enabled_for(level)]

    def is_enabled_for(self, level: Literal["debug", "info"]) -> bool:
        """Whether lines of this level are written."""
        return level in self._enabled

    def write(self, level: Literal["debug", "info"], fields: EventDict) -> None:
        """Write a line, whether or not its level is enabled.

        Args:
            level: Its level.
            fields: Changed by the call.
        """
        line: Any = fields
        line["event"] = "request"
        for processor in self._processors:
            line = processor(self._output, level, line)
        self._output.write(line)


SERVER_LOGGERS = ("asyncio", "uvicorn.error")
PARSER_ERRORS = (UnicodeDecodeError, h11.ProtocolError)
"""What uvicorn and its parsers raise for an unparseable request, for example for a non-ASCII byte in the path.

uvicorn catches all exceptions of httptools.
"""

NOISE = (
    "Traceback",  # after a failed start; `app.main` has logged the reason
    "Unsupported upgrade request",  # with h11, for every request with `Upgrade: h2c`, and the next one, too
    "No supported WebSocket library",
)
"""Prefixes of uvicorn messages that are of no use here."""


def _without_known_tracebacks(record: logging.LogRecord) -> bool:
    """Reduce the traceback of a request that cannot be parsed to one line, and drop noise; leave the rest as it is."""
    if record.name in SERVER_LOGGERS and record.exc_info and isinstance(record.exc_info[1], PARSER_ERRORS):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args = "connection closed: the request is not valid HTTP", ()
        record.exc_info = None
    return not (record.name == "uvicorn.error" and record.getMessage().startswith(NOISE))


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if request_id := REQUEST_ID.get():
        event["request_id"] = request_id
    return event


def _add_timestamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["timestamp"] = datetime.now(UTC)  # `to_json` formats it faster than `isoformat`
    return event


def _to_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return to_json(event, fallback=repr).decode()  # faster than `json.dumps`
    except ValueError:  # a lone surrogate, as in a file name that is not UTF-8
        return json.dumps(event, default=str)
