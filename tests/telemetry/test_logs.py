"""What the log keeps of unexpected failures."""

import json
import logging

import pytest
import structlog

from app.telemetry.logs import configure_logs


@pytest.mark.parametrize("logger", ["uvicorn.error", "asyncio", "elsewhere"])
def test_unexpected_failure_keeps_its_message_and_traceback(capsys: pytest.CaptureFixture[str], logger: str) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        configure_logs("info", "json")
        logging.getLogger(logger).error("Exception in ASGI application", exc_info=ValueError("a bug"))
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["event"]) == ("error", "Exception in ASGI application")
    assert line["exception"][0]["exc_value"] == "a bug"
