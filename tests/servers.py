"""The real service in a process of its own, on a real port."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds to wait for something that takes five on an idle machine."""


class Server:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.url = ""
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches, unless the process ends without one."""
        deadline = time.monotonic() + PATIENCE
        while not (match := next(filter(None, (re.search(pattern, line) for line in self.lines)), None)):
            assert time.monotonic() < deadline, f"no {pattern!r} in the log:\n{''.join(self.lines)}"
            time.sleep(0.02)
            if self.process.poll() is not None:
                self.reader.join(PATIENCE)
                deadline = 0.0  # after one look at the last lines
        return match

    def wait_ready(self, workers: int = 1) -> None:
        """Wait until this many workers are ready, including replacements of dead ones."""
        wait_until(lambda: len(self.workers()) >= workers)

    def kill_worker(self) -> None:
        """Kill the oldest worker, and wait until the supervisor has noticed."""
        pid = self.workers()[0]
        os.kill(pid, signal.SIGKILL)
        self.wait_for(rf'"pid":{pid},.*"worker died"')

    def workers(self) -> list[int]:
        """Process ids of the workers that are ready; a dead one is among them until the supervisor has noticed."""
        assert self.process.poll() is None, f"never ready:\n{''.join(self.lines)}"
        ready = [int(match[1]) for line in self.lines if (match := re.search(r'"pid":(\d+),"event":"ready"', line))]
        return [pid for pid in ready if psutil.pid_exists(pid)]


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with exactly these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")}
    return inherited | {f"SENTIMENT_{name.upper()}": str(value) for name, value in settings.items()}


def run_python(
    *arguments: str, env: dict[str, str] | None = None, timeout: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a Python command in the checkout to its end and capture its output."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout
    )


def run_app(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m app` to its end."""
    return run_python("-m", "app", *arguments, env=environment(**settings))


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def starting(*arguments: str, variables: Mapping[str, str] | None = None, **settings: object) -> Iterator[Server]:
    """Run `python -m app serve`, or with other arguments, on a free port, and stop it after the block."""
    env = environment(**{"port": 0, "log_format": "json", "drain": 0, **settings}) | dict(variables or {})
    with running([sys.executable, "-m", "app", *(arguments or ["serve"])], cwd=ROOT, env=env) as server:
        yield server


@contextmanager
def running(command: Sequence[str | Path], **options: Any) -> Iterator[Server]:
    """Run a server with the options of `subprocess.Popen`, and stop it after the block."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as process:
        server = Server(process)
        try:
            yield server
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            server.reader.join(PATIENCE)


@contextmanager
def serving(variables: Mapping[str, str] | None = None, /, **settings: object) -> Iterator[Server]:
    """Run `python -m app` on a free port; all workers are ready when the block begins.

    Unless the log is JSON at level info, it only listens.
    """
    with starting(variables=variables, **settings) as server:
        server.url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        if not {"log_format", "log_level"} & settings.keys():
            server.wait_ready(int(str(settings.get("workers", 1))))
        yield server
