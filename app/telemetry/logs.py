"""Structured logs of this service and its libraries: one line per event, in one format, on standard output.

The standard library's `extra` adds fields: `log.info("ready", extra={"pid": 7})`.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from traceback import StackSummary, format_exception, walk_tb
from typing import Any, Literal

import h11
from pydantic_core import to_json

from .output import STDOUT, standard_output

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the current request."""

NO_FIELDS = {*vars(logging.makeLogRecord({})), "message", "color_message"}
"""What every record has, and what uvicorn adds for terminals; all other attributes of a record are fields."""

FRAMES = 50
"""Maximum frames per exception, the innermost ones: an infinite recursion has a thousand."""

COLOURS = {"debug": 32, "info": 32, "warning": 33}
"""Level -> colour on a terminal; other levels are red."""

Fields = dict[str, Any]


def configure_logs(level: str, format_: Literal["json", "console"] | None) -> None:
    """Send every log line of the process to standard output.

    Tracebacks never show local variables, because those may contain review text.

    Args:
        level: Minimum level of lines.
        format_: `json` or `console`; None: JSON, or coloured text on a terminal.
    """
    text = format_ == "console" or (format_ is None and os.isatty(STDOUT))
    root = logging.getLogger()
    root.handlers = [LineHandler(_as_text if text else _as_json)]
    root.setLevel(level.upper())


class LineHandler(logging.Handler):
    """Writes lines; `render` turns their fields, and an exception, into text."""

    def __init__(self, render: Callable[[Fields, BaseException | None], str]) -> None:
        super().__init__()
        self._render, self._output = render, standard_output()
        self.addFilter(_without_known_tracebacks)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of the standard library."""
        try:
            fields = {name: value for name, value in vars(record).items() if name not in NO_FIELDS}
            error = record.exc_info[1] if record.exc_info else None
            self.write(record.levelno, record.getMessage(), fields, error)
        except Exception:  # a faulty call must not fail what it wants to log
            self.handleError(record)

    def write(self, level: int, event: str, fields: Fields, error: BaseException | None = None) -> None:
        """Add what all lines have to the fields, and write them.

        Lines of requests are written directly: a record of the standard library costs more than the rest of the line.
        """
        fields["event"] = event
        if request_id := REQUEST_ID.get():
            fields["request_id"] = request_id
        fields["level"] = logging.getLevelName(level).lower()
        fields["timestamp"] = datetime.now(UTC)
        self._output.write(self._render(fields, error))


def line_handler() -> LineHandler:
    """The handler that `configure_logs` has installed."""
    return next(handler for handler in logging.getLogger().handlers if isinstance(handler, LineHandler))


SERVER_LOGGERS = ("asyncio", "uvicorn.error")
PARSER_ERRORS = (UnicodeDecodeError, h11.ProtocolError)
"""What uvicorn does not catch while it parses a request, for example for a non-ASCII byte in the path."""

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


def _as_json(fields: Fields, error: BaseException | None) -> str:
    if error:
        fields["exception"] = list(_with_causes(error))
    try:
        return to_json(fields, fallback=repr).decode()  # faster than `json.dumps`
    except ValueError:  # a lone surrogate, as in a file name that is not UTF-8
        time = f"{fields['timestamp']:%Y-%m-%dT%H:%M:%S.%fZ}"
        return json.dumps(fields | {"timestamp": time}, default=str)


def _with_causes(error: BaseException | None) -> Iterator[Fields]:
    """Describe an exception, then the one that it was raised from or while handling, and so on."""
    is_cause = False
    described = []
    while error is not None and error not in described:
        frames = StackSummary.extract(walk_tb(error.__traceback__), limit=-FRAMES, lookup_lines=False)
        group = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        yield {
            "exc_type": type(error).__name__,
            "exc_value": str(error),
            "exc_notes": getattr(error, "__notes__", []),
            "is_cause": is_cause,
            "frames": [{"filename": frame.filename, "lineno": frame.lineno, "name": frame.name} for frame in frames],
            "is_group": bool(group),
            "exceptions": [list(_with_causes(each)) for each in group],
        }
        described.append(error)
        is_cause = error.__cause__ is not None
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _as_text(fields: Fields, error: BaseException | None) -> str:
    time, level, event = fields.pop("timestamp"), fields.pop("level"), fields.pop("event")
    if not event.isprintable():  # it may contain bytes that would control the terminal, for example of a path
        event = repr(event)
    values = "".join(f" {name}={value!r}" for name, value in fields.items())
    traceback = "\n" + "".join(format_exception(error)).rstrip() if error else ""
    return f"{time:%Y-%m-%d %H:%M:%S} \x1b[{COLOURS.get(level, 31)}m{level:8}\x1b[0m {event:30}{values}{traceback}"
