"""What the log keeps of failures below the application."""

import json
import logging

import pytest
import structlog

from app.logs import configure_logs


@pytest.mark.parametrize(
    ("logger", "message"),
    [
        ("uvicorn.error", "Exception in ASGI application\n"),
        ("asyncio", "Fatal error on transport TCPTransport"),
        ("elsewhere", "Traceback of something else"),
    ],
)
def test_unexpected_failure_keeps_its_message_and_traceback(
    capsys: pytest.CaptureFixture[str], logger: str, message: str
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        configure_logs("info", "json")
        logging.getLogger(logger).error(message, exc_info=ValueError("a bug"))
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().out)
    assert line["event"].strip() == message.strip()
    assert line["level"] == "error"
    assert line["exception"][0]["exc_value"] == "a bug"
