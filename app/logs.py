"""Structured logs: one line an event, of this service and of the server under it, in one format, on standard output."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

def configure_logs(level: str, format_: Literal["json", "console"] | None) -> None:
    """Send every log line of the process through one formatter.

    Args:
        level: The least important lines to keep.
        format_: `json`, `console`, or None to choose by whether standard output is a terminal.
    """
    if format_ is None:
        format_ = "console" if sys.stdout.isatty() else "json"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if format_ == "console"
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
