"""Servers as processes: started, waited for, measured and stopped."""

import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

START_TIMEOUT = 120
STOP_TIMEOUT = 20
"""Seconds."""

STEADY = 40
"""Successful connections in a row before a server gets load; other processes on its port may still be loading."""


@dataclass(frozen=True)
class Running:
    """A server that answers.

    Attributes:
        url: Its address.
        process: Its first process.
        cold_start: Seconds from the start of the process to the first response.
    """

    url: str
    process: psutil.Popen
    cold_start: float

    def usage(self) -> tuple[int, float]:
        """Memory in bytes, counting shared memory once, and CPU time since the start in seconds, of all processes."""
        memory, cpu = 0, 0.0
        for process in _family(self.process):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                memory += process.memory_full_info().pss
                cpu += times.user + times.system
        return memory, cpu


@contextmanager
def running(
    command: Sequence[str], settings: Mapping[str, str], port_variable: str, path: str, body: bytes, folder: Path
) -> Iterator[Running]:
    """Run a server for the duration of a block.

    Args:
        command: Starts the server.
        settings: Added to the environment.
        port_variable: The environment variable that sets the port.
        path: The server is ready when a POST to this path succeeds.
        body: The JSON body of that request.
        folder: The working directory.

    Raises:
        SystemExit: The server stopped or did not answer in time.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = os.environ | settings | {port_variable: str(port)}
    started = time.perf_counter()
    process = psutil.Popen(command, cwd=folder, env=variables, stdout=sys.stderr, start_new_session=True)
    try:
        cold_start, succeeded = 0.0, 0
        while succeeded < STEADY:
            if _succeeds(port, path, body):
                succeeded += 1
                cold_start = cold_start or time.perf_counter() - started
            elif process.poll() is not None or time.perf_counter() > started + START_TIMEOUT:
                raise SystemExit(f"{' '.join(command)} did not answer; see its messages above")
            else:
                succeeded = 0
                time.sleep(0.01)
        yield Running(f"http://127.0.0.1:{port}", process, cold_start)
    finally:
        family = _family(process)
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT)
        for straggler in alive:
            straggler.kill()
        psutil.wait_procs(alive)


def _succeeds(port: int, path: str, body: bytes) -> bool:
    # Not httpx, which sets up TLS each time and takes CPU time from the server.
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False  # not listening yet
    finally:
        connection.close()


def _family(process: psutil.Popen) -> list[psutil.Process]:
    """A process and all its descendants; none if it has ended."""
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []
