"""The real service in a process of its own, on a real port."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds to wait for something that takes five on a quiet machine."""

LATE_TENSORFLOW = """
import importlib
import pathlib
import sys
import time

here = pathlib.Path(__file__).parent
while not (here / "go").exists():
    time.sleep(0.02)
sys.path.remove(str(here.parent))
del sys.modules["tensorflow"]
importlib.import_module("tensorflow")
"""
"""Found before the real package, and makes way for it once the file `go` is there."""


@dataclass
class Server:
    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    url: str = ""
    reader: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while not (match := self._found(pattern)) and time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.reader.join(PATIENCE)  # its last words may still be on their way
                match = self._found(pattern)
                break
            time.sleep(0.02)
        assert match, f"no {pattern!r} in the log:\n{''.join(self.lines)}"
        return match

    def _found(self, pattern: str) -> re.Match[str] | None:
        return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)

    def wait_ready(self) -> None:
        wait_until(self._is_ready)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"never ready:\n{''.join(self.lines)}"
        with suppress(httpx.TransportError):  # of several workers, none listens before it is ready; one may be slow
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False


def environment(**settings: object) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SENTIMENT_")}
    return inherited | {f"SENTIMENT_{name.upper()}": str(value) for name, value in settings.items()}


def run_python(
    *arguments: str, env: dict[str, str] | None = None, timeout: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    """Run a Python command in the checkout to its end, and keep what it printed."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout
    )


def run_app(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `python -m app` to its end."""
    return run_python("-m", "app", *arguments, env=environment(**settings))


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask again and again, until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def serving(variables: Mapping[str, str] | None = None, /, **settings: object) -> Iterator[Server]:
    """Run `python -m app` on a free port; it listens when the block begins, and is not ready yet.

    Args:
        variables: For its environment, beside its settings.
        settings: Its settings; a port that is named may not be listened to yet when the block begins.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env=environment(**{"port": 0, "log_format": "json", "drain": 0, **settings}) | dict(variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = Server(process)
    try:
        if "port" in settings:
            server.url = f"http://127.0.0.1:{settings['port']}"
        else:
            server.url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        server.reader.join(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def ready_when_told(**settings: object) -> Iterator[tuple[Server, Callable[[], None]]]:
    """The same with TensorFlow, whose import does not end before the second value is called, or the block ends.

    So a test of a server that is not ready yet need not be quicker than TensorFlow.
    """
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "tensorflow")
        package.mkdir()
        (package / "__init__.py").write_text(LATE_TENSORFLOW)
        go = package / "go"
        with serving({"PYTHONPATH": folder}, runtime="tensorflow", **settings) as server:
            try:
                yield server, go.touch
            finally:
                go.touch()  # else the thread that loads would keep the process from ending
