"""Closed and open loops of requests, sent from a separate process, which prints its results as JSON.

In a closed loop, each client sends its next request as soon as it has a response. In an open loop, requests are sent
at a fixed rate, however long the responses take. Their latency counts from the moment when they were due, so it shows
when the clients or the server fall behind.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.environments import ROOT

TIMEOUT = 30
"""Seconds to wait for a response."""


def closed_loop(url: str, bodies: Path, clients: int, seconds: float) -> "subprocess.Popen[str]":
    """Start a closed loop that sends the lines of a file in turn; `result_of` waits for its result."""
    return _start("closed", url, bodies, clients, seconds)


def open_loop(url: str, bodies: Path, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Start an open loop of `rate` requests per second; `result_of` waits for its result."""
    return _start("open", url, bodies, rate, seconds)


def _start(*arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.loops", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result_of(load: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a loop to end.

    Returns:
        The number of requests `sent` and the `seconds` that took, and under `answers`, for each status (0 for lost
        connections and timeouts), the `count` of responses and the median and 99th percentile of their latencies in
        seconds (`p50`, `p99`).

    Raises:
        subprocess.CalledProcessError: The process failed.
    """
    output, _ = load.communicate()
    if load.returncode:
        raise subprocess.CalledProcessError(load.returncode, load.args)
    result: dict[str, Any] = json.loads(output)
    return result


class Client:
    """Sends one request at a time, on one connection until the server closes it."""

    def __init__(self, address: str) -> None:
        self._address = address.split(":")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> int:
        """Send a request and read the whole response; returns its status, or 0 if there was none."""
        try:
            async with asyncio.timeout(TIMEOUT):
                if self._streams is None or self._streams[0].at_eof():
                    self._streams = await asyncio.open_connection(*self._address)
                reader, writer = self._streams
                writer.write(request)
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        except (OSError, EOFError):  # a TimeoutError is an OSError
            self._close()
            return 0
        if b"connection: close" in head:
            self._close()
        return int(head[9:12])

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def run(loop: str, url: str, bodies: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Send requests, `rate` per second in an open loop or from `rate` clients in a closed one; returns the result."""
    _, address, path, *_ = urlsplit(url)
    head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
    requests = cycle(
        f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies.read_bytes().splitlines()
    )
    latencies: dict[int, list[float]] = defaultdict(list)
    started = time.perf_counter()
    idle: list[Client] = []

    async def send_once(due: float) -> None:
        client = idle.pop() if idle else Client(address)
        status = await client.send(next(requests))
        latencies[status].append(time.perf_counter() - due)
        idle.append(client)

    async def keep_sending() -> None:
        while (now := time.perf_counter()) < started + seconds:
            await send_once(now)

    async with asyncio.TaskGroup() as tasks:
        if loop == "closed":
            for _ in range(int(rate)):
                tasks.create_task(keep_sending())
        else:
            for number in range(int(rate * seconds)):
                due = started + number / rate
                wait = due - time.perf_counter()
                await asyncio.sleep(wait if wait > 0.001 else 0)
                tasks.create_task(send_once(due))
    return {
        "seconds": time.perf_counter() - started,
        "sent": sum(map(len, latencies.values())),
        "answers": {
            status: {
                "count": len(one),
                "p50": statistics.median(one),
                "p99": sorted(one)[int(len(one) * 0.99)],
            }
            for status, one in sorted(latencies.items())
        },
    }


if __name__ == "__main__":
    loop, url, bodies, rate, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(run(loop, url, Path(bodies), float(rate), float(seconds)))))
