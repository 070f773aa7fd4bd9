"""Structured logs: one line an event, of this service and of the server under it, in one format, on standard output."""

import logging
import sys
from contextvars import ContextVar
from typing import Any, Literal

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor, WrappedLogger

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request in whose course a line is written."""


def configure_logs(level: str, format_: Literal["json", "console"] | None) -> None:
    """Send every log line of the process through one formatter.

    Tracebacks never show local variables, because those hold review text.

    Args:
        level: The least important lines to keep.
        format_: `json`, `console`, or None to choose by whether standard output is a terminal.
    """
    shared: list[Processor] = [
        _add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if format_ == "console" or (format_ is None and sys.stdout.isatty()):
        # `repr_native_str`: a path may hold bytes that would steer the terminal.
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, repr_native_str=True)
        last: list[Processor] = [console]
    else:
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last = [structlog.processors.ExceptionRenderer(traceback), structlog.processors.JSONRenderer(_to_json)]
    # Our own lines go straight to the output; only those of the server take the way through the standard library, which
    # costs several times as much.
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())


def _add_request_id(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if request_id := REQUEST_ID.get():
        event["request_id"] = request_id
    return event


def _to_json(event: EventDict, **_: Any) -> str:
    return to_json(event, fallback=repr).decode()  # a quarter of the time that `json.dumps` takes
