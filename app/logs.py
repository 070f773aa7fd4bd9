"""Structured logs: one line an event, of this service and of the server under it, in one format, on standard output."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor


def configure_logs(level: str, format_: Literal["json", "console"] | None) -> None:
    """Send every log line of the process through one formatter.

    Tracebacks never show local variables, because those hold review text.

    Args:
        level: The least important lines to keep.
        format_: `json`, `console`, or None to choose by whether standard output is a terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if format_ == "console" or (format_ is None and sys.stdout.isatty()):
        last: list[Processor] = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last = [structlog.processors.ExceptionRenderer(traceback), structlog.processors.JSONRenderer()]
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
