"""Runs commands as people do, on a terminal, and as programs do, through pipes."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from tests.servers import PATIENCE, ROOT, environment

SGR = re.compile(r"\x1b\[[\d;]*m")
"""Colours: the only escape sequences that may reach a terminal."""

RUN = "import sys; sys.modules.update(dict.fromkeys({missing!r})); from app.cli import app; app()"


def variables(more: dict[str, str]) -> dict[str, str]:
    """An environment without settings, and without anything that influences colours."""
    ignored = ("NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    inherited = {name: value for name, value in environment().items() if name not in ignored}
    return inherited | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | more


def piped(
    *arguments: str | bytes, stdin: bytes = b"", missing: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m app` with all its streams redirected, in an environment without the `missing` packages."""
    program = ["-c", RUN.format(missing=missing)] if missing else ["-m", "app"]
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        env=variables(more),
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
    )


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """The message of a command that was refused, without the box around it and its line breaks."""
    assert (done.returncode, done.stdout) == (2, b"")
    return " ".join(re.sub("[│╭╮╰╯─]", " ", done.stderr.decode()).split())


def on_terminal(*arguments: str, width: int = 80, **more: str) -> str:
    """Run `python -m app` on a pseudo-terminal, and return everything that it displayed, escape sequences included."""
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
