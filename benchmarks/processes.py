"""Servers as processes: started, waited for, measured and stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil

from benchmarks.environments import ROOT

PATIENCE = 120
"""Seconds that a server gets to answer for the first time, or to end."""


@dataclass(frozen=True)
class Usage:
    """What a server and all its processes hold and have used.

    Attributes:
        memory: Bytes; memory that processes share is counted once (proportional set size).
        cpu: Seconds of processor time since the start.
    """

    memory: int
    cpu: float


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: Where it listens.
        process: The one that was started.
        cold_start: Seconds from its start to the first answer.
    """

    url: str
    process: subprocess.Popen[bytes]
    cold_start: float

    def usage(self) -> Usage:
        """Add up the processes that it consists of."""
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
    command: Sequence[str], settings: Mapping[str, str], first_request: tuple[str, bytes] | str, port_name: str
) -> Iterator[Running]:
    """Run a server for as long as the block lasts.

    Args:
        command: Starts it, from the repository's root.
        settings: Added to the environment.
        first_request: A path to GET, or a path and a JSON body to POST; the server is ready once it answers 200.
        port_name: The environment variable that tells it its port.

    Raises:
        SystemExit: It ended, or did not answer in time.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings | {port_name: str(port)}, start_new_session=True
    )
    try:
        while not _answers(url, first_request):
            if process.poll() is not None or time.perf_counter() > started + PATIENCE:
                raise SystemExit(f"{' '.join(command)} did not answer; its message is above")
            time.sleep(0.005)
        yield Running(url, process, time.perf_counter() - started)
    finally:
        _stop(process)


def _answers(url: str, request: tuple[str, bytes] | str) -> bool:
    try:
        if isinstance(request, str):
            response = httpx.get(url + request)
        else:
            path, body = request
            response = httpx.post(url + path, content=body, headers={"Content-Type": "application/json"}, timeout=30)
    except httpx.TransportError:
        return False  # it does not listen yet
    return response.status_code == 200


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
