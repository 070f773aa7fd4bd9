"""Servers as processes: started, waited for, measured and stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from benchmarks.environments import ROOT

PATIENCE = 120
"""Seconds that a server may take to answer for the first time, or to stop."""

SETTLED = 40
"""Successful new connections in a row before a server gets load."""


@dataclass(frozen=True)
class Usage:
    """Resources used by a server and all its processes.

    Attributes:
        memory: Bytes; memory shared by processes counts once (proportional set size).
        cpu: Seconds of CPU time since the start.
    """

    memory: int
    cpu: float


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: Where it listens.
        process: Its first process.
        cold_start: Seconds from the start of the process to the first response.
    """

    url: str
    process: subprocess.Popen[bytes]
    cold_start: float

    def usage(self) -> Usage:
        """Add up all its processes."""
        memory, cpu = 0, 0.0
        for process in _family(self.process.pid):
            try:
                memory += process.memory_full_info().pss
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            cpu += times.user + times.system
        return Usage(memory, cpu)


@contextmanager
def running(
    command: Sequence[str],
    settings: Mapping[str, str],
    first_request: tuple[str, bytes] | str,
    port_name: str,
    folder: Path = ROOT,
) -> Iterator[Running]:
    """Run a server for the duration of a block.

    Args:
        command: Starts the server.
        settings: Added to the environment.
        first_request: A path to GET, or a path and a JSON body to POST; the server is ready once it answers 200.
        port_name: The environment variable that sets the port.
        folder: The working directory.

    Raises:
        SystemExit: The server stopped, or did not answer in time.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    variables = os.environ | settings | {port_name: str(port)}
    process = subprocess.Popen(command, cwd=folder, env=variables, stdout=sys.stderr, start_new_session=True)
    try:
        cold_start = None
        succeeded = 0
        while succeeded < SETTLED:  # other processes on the same port may still be loading
            if _answers(port, first_request):
                succeeded += 1
                cold_start = cold_start or time.perf_counter() - started
                continue
            succeeded = 0
            if process.poll() is not None or time.perf_counter() > started + PATIENCE:
                raise SystemExit(f"{' '.join(command)} did not answer; its message is above")
            time.sleep(0.01)
        assert cold_start is not None
        yield Running(url, process, cold_start)
    finally:
        _stop(process)


def _answers(port: int, request: tuple[str, bytes] | str) -> bool:
    # Not httpx, which sets up TLS on every try and takes CPU time from the server.
    path, body = (request, None) if isinstance(request, str) else request
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False  # not listening yet
    finally:
        connection.close()


def _family(session: int) -> list[psutil.Process]:
    """All processes of a session."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return os.getsid(process.pid) == session
        except ProcessLookupError:
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


def _stop(process: subprocess.Popen[bytes]) -> None:
    family = _family(process.pid)
    process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=20)
    for straggler in alive:
        straggler.kill()
    process.wait(PATIENCE)
