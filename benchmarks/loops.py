"""Clients in a process of their own, in a closed or an open loop; prints what they measured as JSON.

In a closed loop, each client sends its next request as soon as it has a response. In an open loop, requests are sent
at a fixed rate, however long the responses take. Their latency counts from the moment when they were due, so it shows
when the clients or the server fall behind.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.environments import ROOT

MAX_IN_FLIGHT = 4000
"""Requests of an open loop; beyond it they count as unsent."""

PATIENCE = 30.0
"""Seconds that an open loop waits for its last responses."""

Latencies = defaultdict[int, list[float]]
"""Status -> seconds of each response; status 0 stands for a lost connection."""


class Client:
    """Sends one request at a time; keeps its connection until the server closes it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> int:
        """Send a request and read the whole response; returns its status, or 0 if the connection was lost."""
        try:
            if self._streams is None or self._streams[0].at_eof():
                self._streams = await asyncio.open_connection(*self._address)
            reader, writer = self._streams
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        except (OSError, EOFError):
            self._close()
            return 0
        if b"connection: close" in head:
            self._close()
        return int(head[9:12])

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Load:
    """Sends requests to a server on this machine and collects latencies.

    Args:
        url: With the path; the host is 127.0.0.1.
        bodies: A file with one JSON body per line; they are sent in turn.
    """

    def __init__(self, url: str, bodies: Path) -> None:
        address = urlsplit(url)
        assert address.hostname == "127.0.0.1", "only loopback gets load"
        assert address.port is not None
        self._address = address.hostname, address.port
        head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        self._requests: Iterator[bytes] = cycle(
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies.read_bytes().splitlines()
        )
        self._latencies: Latencies = defaultdict(list)

    async def closed_loop(self, clients: int, seconds: float) -> dict[str, Any]:
        """Keep `clients` requests in flight; returns the result."""
        started = time.perf_counter()

        async def keep_sending() -> None:
            client = Client(*self._address)
            while (sent := time.perf_counter()) < started + seconds:
                status = await client.send(next(self._requests))
                self._latencies[status].append(time.perf_counter() - sent)

        await asyncio.gather(*(keep_sending() for _ in range(clients)))
        return {"seconds": time.perf_counter() - started, "answers": self._answers()}

    async def open_loop(self, rate: float, seconds: float) -> dict[str, Any]:
        """Send `rate` requests per second; returns the result."""
        started = time.perf_counter()
        idle: list[Client] = []
        in_flight: set[asyncio.Task[None]] = set()
        sent = 0

        async def send(request: bytes, due: float) -> None:
            client = idle.pop() if idle else Client(*self._address)
            status = await client.send(request)
            self._latencies[status].append(time.perf_counter() - due)
            idle.append(client)

        total = int(rate * seconds)
        for number in range(total):
            due = started + number / rate
            if (wait := due - time.perf_counter()) > 0.001:
                await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)
            if len(in_flight) < MAX_IN_FLIGHT:
                sent += 1
                task = asyncio.create_task(send(next(self._requests), due))
                in_flight.add(task)
                task.add_done_callback(in_flight.discard)
        lasted = time.perf_counter() - started
        if in_flight:
            await asyncio.wait(in_flight, timeout=PATIENCE)
        return {"seconds": lasted, "sent": sent, "unsent": total - sent, "answers": self._answers()}

    def _answers(self) -> dict[str, dict[str, float]]:
        return {
            str(status): {
                "count": len(latencies),
                "p50": statistics.median(latencies),
                "p99": sorted(latencies)[int(len(latencies) * 0.99)],
                "worst": max(latencies),
            }
            for status, latencies in sorted(self._latencies.items())
        }


def closed_loop(url: str, bodies: Path, clients: int, seconds: float) -> "subprocess.Popen[str]":
    """Start a closed loop; `result_of` waits for its result."""
    return _start(url, bodies, seconds, "--clients", str(clients))


def open_loop(url: str, bodies: Path, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Start an open loop; `result_of` waits for its result."""
    return _start(url, bodies, seconds, "--rate", str(rate))


def _start(url: str, bodies: Path, seconds: float, *loop: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.loops", url, "--bodies", str(bodies), "--seconds", str(seconds), *loop]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result_of(load: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a load to end, and read its result.

    Returns:
        How long it lasted (`seconds`), and under `answers`, for each status: the `count` of responses, and the `p50`,
        `p99` and `worst` of their latencies in seconds. An open loop adds the numbers of requests `sent` and `unsent`.

    Raises:
        subprocess.CalledProcessError: The process failed.
    """
    output, _ = load.communicate()
    if load.returncode:
        raise subprocess.CalledProcessError(load.returncode, load.args)
    result: dict[str, Any] = json.loads(output)
    return result


def main() -> None:
    """Send and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.loops", description=__doc__)
    options.add_argument("url")
    options.add_argument("--bodies", type=Path, required=True, help="a file with one JSON body per line")
    options.add_argument("--seconds", type=float, default=20, help="how long to send (default: 20)")
    loop = options.add_mutually_exclusive_group(required=True)
    loop.add_argument("--clients", type=int, help="clients of a closed loop")
    loop.add_argument("--rate", type=float, help="requests per second of an open loop")
    chosen = options.parse_args()
    load = Load(chosen.url, chosen.bodies)
    if chosen.clients:
        result = uvloop.run(load.closed_loop(chosen.clients, chosen.seconds))
    else:
        result = uvloop.run(load.open_loop(chosen.rate, chosen.seconds))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
