"""Runs commands as a person does, at a terminal, and as a program does, through pipes."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from dataclasses import dataclass

from tests.servers import PATIENCE, ROOT, environment, wait_until

SGR = re.compile(r"\x1b\[[\d;]*m")
"""What colours are made of; the only escape sequences that are to be on a terminal."""
QUIET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


@dataclass(frozen=True)
class Screen:
    """What a command left on a terminal.

    Attributes:
        code: The exit code.
        raw: Everything, escape sequences included.
    """

    code: int
    raw: str

    @property
    def text(self) -> str:
        return SGR.sub("", self.raw)


def surroundings(variables: dict[str, str]) -> dict[str, str]:
    """An environment without settings and without what decides on colours, but for these variables."""
    inherited = {name: value for name, value in environment().items() if name not in QUIET}
    return inherited | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | variables


def piped(*arguments: str | bytes, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m app` with all its streams redirected."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env=surroundings(variables),
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
    )


def on_terminal(*arguments: str, width: int = 80, interrupt_at: str | None = None, **variables: str) -> Screen:
    """Run `python -m app` on a pseudo-terminal.

    Args:
        arguments: Of the command.
        width: Of the terminal, in characters.
        interrupt_at: Press Ctrl-C when this appears.
        variables: Of the environment.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env=surroundings(variables),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    try:
        while piece := _read(ours):
            seen += piece
            if interrupt_at and interrupt_at.encode() in seen:
                _interrupt(process)
                interrupt_at = None
        wait_until(lambda: process.poll() is not None)
    finally:
        process.kill()
        process.wait(PATIENCE)
        os.close(ours)
    return Screen(process.returncode, seen.decode().replace("\r\n", "\n"))


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C, and again as people do: Python sees one that comes just before it waits for input with the next."""
    for _ in range(int(PATIENCE)):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
            return


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""
