"""The lines of this service and of libraries."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from app.telemetry.logs import REQUEST_ID, configure_logs, line_handler
from app.telemetry.output import standard_output


@pytest.fixture(autouse=True)
def as_json() -> Iterator[None]:
    """Logs as JSON, unless a test configures them otherwise."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs("info", "json")
    yield
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize("logger", ["uvicorn.error", "asyncio", "elsewhere"])
def test_unexpected_failure_keeps_its_message_and_traceback(capfd: pytest.CaptureFixture[str], logger: str) -> None:
    logging.getLogger(logger).error("Exception in ASGI application", exc_info=ValueError("a bug"))
    line = json.loads(written(capfd))
    assert (line["level"], line["event"]) == ("error", "Exception in ASGI application")
    assert line["exception"][0]["exc_value"] == "a bug"


def test_exception_is_logged_with_its_causes_but_without_variables(capfd: pytest.CaptureFixture[str]) -> None:
    review = "a superb film"
    try:
        try:
            raise ValueError(len(review))
        except ValueError as error:
            raise ExceptionGroup("several", [TypeError("first"), KeyError("second")]) from error
    except ExceptionGroup as error:
        error.add_note("a note")
        logging.getLogger("app").exception("failed")
    output = written(capfd)
    group, cause = json.loads(output)["exception"]
    assert (group["exc_type"], group["exc_notes"], group["is_cause"]) == ("ExceptionGroup", ["a note"], False)
    assert [each["exc_type"] for (each,) in group["exceptions"]] == ["TypeError", "KeyError"]
    assert (cause["exc_type"], cause["exc_value"], cause["is_cause"]) == ("ValueError", "13", True)
    assert [frame["filename"] for frame in group["frames"] + cause["frames"]] == [__file__] * 2
    assert "superb" not in output


def endless(error: Exception) -> Exception:
    """An exception that is its own cause's cause."""
    error.__cause__ = ValueError("another")
    error.__cause__.__cause__ = error
    return error


def recursive() -> None:
    recursive()


def test_exception_without_an_end_is_cut(capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("app").error("failed", exc_info=endless(OSError("one")))
    try:
        recursive()
    except RecursionError:
        logging.getLogger("app").exception("failed")
    cycle, recursion = (json.loads(line)["exception"] for line in written(capfd).splitlines())
    assert [each["exc_value"] for each in cycle] == ["one", "another"]
    assert len(recursion[0]["frames"]) == 50


def test_name_that_is_not_utf_8_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", "json")  # again, without pytest's handler: pytest-xdist cannot send a lone surrogate
    logging.getLogger("app").error("cannot read models/\udce9")
    line = json.loads(written(capfd))
    assert line["event"] == "cannot read models/\udce9"
    assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\.\d{6}Z", line["timestamp"]), "like that of other lines"


def written(capfd: pytest.CaptureFixture[str]) -> str:
    standard_output().finish()
    return capfd.readouterr().out


def write_one_of_each() -> None:
    token = REQUEST_ID.set("an-id")
    try:
        logging.getLogger("app").info("ours", extra={"number": 1})
        logging.getLogger("uvicorn.error").info("uvicorn's %s", 2, extra={"color_message": "uvicorn's %s"})
        line_handler().write(logging.INFO, "request", {"path": "/predict", "number": 3})
    finally:
        REQUEST_ID.reset(token)


def test_lines_of_all_loggers_have_the_same_fields_and_keep_their_order(capfd: pytest.CaptureFixture[str]) -> None:
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
    """And have no control characters besides the colours of the level."""
    configure_logs("info", "console")
    write_one_of_each()
    logging.getLogger("app").error("cannot read \x1b[2J", extra={"reason": "\a"})
    *lines, error = written(capfd).splitlines()
    for line, event in zip(lines, ("ours", "uvicorn's 2", "request"), strict=True):
        assert f" {event} " in line
        assert "'an-id'" in line
    assert r"cannot read \x1b[2J" in error
    assert "\x1b[2J" not in error
    assert "\a" not in error
