"""The examples of clients/README.md, and what each first one of a language has to do."""

import re
import subprocess
import time
from collections.abc import Callable

from tests.servers import PATIENCE, ROOT, Server, wait_until


def example(language: str, number: int, url: str | None = None, tries: int | None = None) -> str:
    """The README's example of this language and number, counted from 0, with an address written in.

    Args:
        language: As the README's code block names it.
        number: Which block of it.
        url: What to ask instead of the README's address.
        tries: How often to ask, instead of the README's ten times.
    """
    readme = (ROOT / "clients/README.md").read_text()
    code: str = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[number]
    if url is not None:
        code = _replaced(code, "http://127.0.0.1:8000", url)
    if tries is not None:
        code = _replaced(code, "tries: int = 10" if language == "python" else "tries = 10", f"tries = {tries}")
    return code


def _replaced(code: str, old: str, new: str) -> str:
    assert code.count(old) == 1
    return code.replace(old, new)


def assert_retries(server: Server, tell: Callable[[], None], start: Callable[[int], subprocess.Popen[str]]) -> None:
    """Run the first example twice at once against a server that is not ready: to try twice, and to try for long.

    Args:
        server: Gets ready when it is told.
        tell: Tells it.
        start: Starts the example with so many tries.
    """
    began = time.monotonic()
    patient, impatient = start(100), start(2)
    _, errors = impatient.communicate(timeout=PATIENCE)
    assert impatient.returncode == 1
    assert "Error: 503 after 2 tries" in errors
    assert "urn:problem-type:sentiment:not-serving" in errors
    assert time.monotonic() - began >= 1  # Retry-After names a second
    wait_until(lambda: _answers(server, 503) > 2)  # the patient one has been refused too
    tell()
    output, errors = patient.communicate(timeout=PATIENCE)
    took = time.monotonic() - began
    assert patient.returncode == 0, errors
    assert [line.split()[0] for line in output.splitlines()] == ["positive", "negative"]
    wait_until(lambda: _answers(server, 200) == 1)
    waits = _answers(server, 503) - 2
    assert 1 <= waits <= took


def _answers(server: Server, status: int) -> int:
    """How many predictions were answered so."""
    return sum(line.get("path") == "/predict" and line.get("status") == status for line in server.logs())
