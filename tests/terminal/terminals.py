"""Runs commands as people do, on a terminal, and as programs do, through pipes."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from typer.testing import CliRunner

from app.commands.main import app
from tests.servers import PATIENCE, ROOT, environment, run_python

SGR = re.compile(r"\x1b\[[\d;]*m")
"""Colours: the only escape sequences that may reach a terminal."""
BLUE, ORANGE = r"\x1b\[(?:1;)?38;5;33m", r"\x1b\[(?:1;)?38;5;208m"

RUN = "import sys; sys.modules.update(dict.fromkeys({missing!r})); from app.commands.main import app; app()"


def variables(more: dict[str, str]) -> dict[str, str]:
    """An environment without settings, and without anything that influences colours."""
    ignored = ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    inherited = {name: value for name, value in environment().items() if name not in ignored}
    return inherited | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | more


def piped(
    *arguments: str, stdin: bytes = b"", missing: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m app` with all its streams redirected, in an environment without the `missing` packages."""
    program = ["-c", RUN.format(missing=missing)] if missing else ["-m", "app"]
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables(more), input=stdin, capture_output=True, timeout=PATIENCE)


def modules_of(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    program = (
        "import atexit, sys; from app.commands.main import app; atexit.register(lambda: print(*sys.modules)); app()"
    )
    return set(run_python("-c", program, *arguments).stdout.split())


def run(*arguments: object, code: int = 0, stdin: bytes = b"", **more: str) -> str:
    """Run a command in this process, with NumPy: its output, or the message of a failure."""
    env = {"SENTIMENT_RUNTIME": "numpy"} | more
    result = CliRunner().invoke(app, [*map(str, arguments)], input=stdin, env=env)
    assert result.exit_code == code, result.output
    assert code != 2 or result.stdout == ""
    return result.stderr if code else result.stdout


def refusal(*arguments: object, stdin: bytes = b"", **more: str) -> str:
    """The message of a command that ends with exit code 2."""
    return run(*arguments, code=2, stdin=stdin, **more)


def on_terminal(*arguments: str, width: int = 80, **more: str) -> str:
    """Run `python -m app` on a pseudo-terminal, and return all that it displayed, including escape sequences."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env=variables({"COLUMNS": str(width)} | more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, b"\x04")  # Ctrl-D, in case that it reads
    seen = b""
    with suppress(OSError):  # how Linux reports that the process has closed the terminal
        while piece := os.read(ours, 1 << 16):
            seen += piece
    os.close(ours)
    process.wait(PATIENCE)
    return seen.decode().replace("\r\n", "\n")
