"""The lines of this service's loggers and of the standard library's."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog

from app.telemetry.logs import REQUEST_ID, RequestLog, configure_logs
from app.telemetry.output import standard_output


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Undo what a test has configured."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("logger", ["uvicorn.error", "asyncio", "elsewhere"])
def test_unexpected_failure_keeps_its_message_and_traceback(capfd: pytest.CaptureFixture[str], logger: str) -> None:
    configure_logs("info", "json")
    logging.getLogger(logger).error("Exception in ASGI application", exc_info=ValueError("a bug"))
    line = json.loads(written(capfd))
    assert (line["level"], line["event"]) == ("error", "Exception in ASGI application")
    assert line["exception"][0]["exc_value"] == "a bug"


@pytest.mark.parametrize("logger", [structlog.get_logger(), logging.getLogger("elsewhere")], ids=["ours", "other"])
def test_name_that_is_not_utf_8_is_logged(capfd: pytest.CaptureFixture[str], logger: Any) -> None:
    configure_logs("info", "json")
    logger.error("cannot read models/\udce9")
    assert json.loads(written(capfd))["event"] == "cannot read models/\udce9"


def written(capfd: pytest.CaptureFixture[str]) -> str:
    standard_output().finish()
    return capfd.readouterr().out


def write_one_of_each() -> None:
    token = REQUEST_ID.set("an-id")
    try:
        structlog.get_logger().info("ours", number=1)
        logging.getLogger("uvicorn.error").info("uvicorn's %s", 2)
        RequestLog().write("info", {"path": "/predict", "number": 3})
    finally:
        REQUEST_ID.reset(token)


def test_lines_of_all_loggers_have_the_same_fields_and_keep_their_order(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")
    write_one_of_each()
    ours, uvicorns, requests = map(json.loads, written(capfd).splitlines())
    times = [line.pop("timestamp") for line in (ours, uvicorns, requests)]
    common = {"request_id": "an-id", "level": "info"}
    assert ours == {"event": "ours", "number": 1, **common}
    assert uvicorns == {"event": "uvicorn's 2", **common}
    assert requests == {"event": "request", "path": "/predict", "number": 3, **common}
    assert times == sorted(times)
    assert all(time.startswith("20") and time.endswith("Z") for time in times)


def test_lines_of_all_loggers_are_readable_on_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "console")
    write_one_of_each()
    for line, event in zip(written(capfd).splitlines(), ("ours", "uvicorn's 2", "request"), strict=True):
        assert f" {event} " in line.replace("\x1b[0m", " ").replace("\x1b[1m", " ")
        assert "'an-id'" in line


@pytest.mark.parametrize(("level", "enabled"), [("debug", ["debug", "info"]), ("info", ["info"]), ("warning", [])])
def test_request_log_knows_which_lines_are_written(level: str, enabled: list[str]) -> None:
    configure_logs(level, "json")
    levels: tuple[Literal["debug", "info"], ...] = ("debug", "info")
    assert [name for name in levels if RequestLog().is_enabled_for(name)] == enabled
