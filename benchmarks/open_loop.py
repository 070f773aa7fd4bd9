"""Load that does not wait: requests leave at a fixed rate, however long the answers take; prints JSON.

Latencies count from the moment at which a request was due, so that a generator or a server that falls behind shows.
Goes to loopback only.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.environments import ROOT

MOST_CONNECTIONS = 4000
"""At a time. What would need more is counted as unsent."""

PATIENCE = 30.0
"""Seconds to wait for the last answers."""


class Connection(asyncio.Protocol):
    """One request at a time on a kept connection."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = bytearray()
        self._due = 0.0
        self._busy = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due at a moment of `time.perf_counter`."""
        self._due, self._busy = due, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received += data
        head, separator, body = bytes(self._received).partition(b"\r\n\r\n")
        if not separator:
            return
        fields = head.lower()
        length = int(fields.split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._received.clear()
        self._busy = False
        self._load.answered(int(head[9:12]), time.perf_counter() - self._due)
        if b"connection: close" in fields:
            self._transport.close()
        else:
            self._load.idle.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if self in self._load.idle:
            self._load.idle.remove(self)
        self._load.connections -= 1
        if self._busy:
            self._load.answered(0, time.perf_counter() - self._due)


class Load:
    """Sends requests at a rate and counts what comes back.

    Args:
        url: With the path; of this machine.
        bodies: Sent in turn.
    """

    def __init__(self, url: str, bodies: Sequence[bytes]) -> None:
        address = urlsplit(url)
        assert address.hostname == "127.0.0.1", "loads go to loopback only"
        assert address.port is not None
        self._host, self._port = address.hostname, address.port
        self._requests = cycle(
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
            for body in bodies
        )
        self.idle: list[Connection] = []
        self.connections = 0
        self.sent = self.unsent = 0
        self._latencies: defaultdict[int, list[float]] = defaultdict(list)

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer; status 0 is a connection that was lost."""
        self._latencies[status].append(seconds)

    async def run(self, rate: float, seconds: float) -> dict[str, object]:
        """Send; returns what happened."""
        started = time.perf_counter()
        opening: set[asyncio.Task[None]] = set()
        count = int(rate * seconds)
        for number in range(count):
            due = started + number / rate
            if (wait := due - time.perf_counter()) > 0.001:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)
            request = next(self._requests)
            if self.idle:
                self.sent += 1
                self.idle.pop().ask(request, due)
            elif self.connections < MOST_CONNECTIONS:
                self.sent += 1
                self.connections += 1
                task = asyncio.create_task(self._open(request, due))
                opening.add(task)
                task.add_done_callback(opening.discard)
            else:
                self.unsent += 1
        lasted = time.perf_counter() - started
        end = time.perf_counter() + PATIENCE
        while sum(map(len, self._latencies.values())) < self.sent and time.perf_counter() < end:
            await asyncio.sleep(0.01)
        return {
            "seconds": lasted,
            "sent": self.sent,
            "unsent": self.unsent,
            "connections": self.connections,
            "answers": {
                str(status): {
                    "count": len(latencies),
                    "p50": statistics.median(latencies),
                    "p99": sorted(latencies)[int(len(latencies) * 0.99)],
                    "worst": max(latencies),
                }
                for status, latencies in sorted(self._latencies.items())
            },
        }

    async def _open(self, request: bytes, due: float) -> None:
        try:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except OSError:
            self.connections -= 1
            self.answered(0, time.perf_counter() - due)
            return
        connection.ask(request, due)


def open_loop(url: str, bodies: Path, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Start the load in a process of its own; what it prints is its result."""
    command = [sys.executable, "-m", "benchmarks.open_loop", url, "--bodies", str(bodies)]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result_of(load: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a load to end, and read what it printed.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    output, _ = load.communicate()
    if load.returncode:
        raise subprocess.CalledProcessError(load.returncode, load.args)
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    """Send and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__)
    options.add_argument("url")
    options.add_argument("--bodies", type=Path, required=True, help="a file with one JSON body a line")
    options.add_argument("--rate", type=float, required=True, help="requests a second")
    options.add_argument("--seconds", type=float, default=20, help="how long (default: 20)")
    chosen = options.parse_args()
    bodies = chosen.bodies.read_bytes().splitlines()
    print(json.dumps(uvloop.run(Load(chosen.url, bodies).run(chosen.rate, chosen.seconds))))


if __name__ == "__main__":
    main()
