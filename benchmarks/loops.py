"""Closed and open loops of requests, sent from a separate process, which prints its results as JSON.

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
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from benchmarks.environments import ROOT

TIMEOUT = 30
"""Seconds to wait for a response."""


class Client:
    """Sends one request at a time, on one connection until the server closes it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
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


class Load:
    """Sends the request bodies in a file, one per line, in turn, and collects latencies by status."""

    def __init__(self, url: str, bodies: Path) -> None:
        address = urlsplit(url)
        assert address.hostname == "127.0.0.1", "load is for servers on this machine"
        assert address.port is not None
        self._address = address.hostname, address.port
        head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        self._requests = cycle(
            f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies.read_bytes().splitlines()
        )
        self._latencies: dict[int, list[float]] = defaultdict(list)

    async def closed_loop(self, clients: int, seconds: float) -> dict[str, Any]:
        """Keep `clients` requests in flight; returns the result."""
        started = time.perf_counter()

        async def keep_sending() -> None:
            client = Client(*self._address)
            while (sent := time.perf_counter()) < started + seconds:
                await self._send(client, sent)

        await asyncio.gather(*(keep_sending() for _ in range(clients)))
        return {"seconds": time.perf_counter() - started, "answers": self._answers()}

    async def open_loop(self, rate: float, seconds: float) -> dict[str, Any]:
        """Send `rate` requests per second; returns the result."""
        started = time.perf_counter()
        idle: list[Client] = []

        async def send(due: float) -> None:
            client = idle.pop() if idle else Client(*self._address)
            await self._send(client, due)
            idle.append(client)

        async with asyncio.TaskGroup() as tasks:
            for number in range(total := int(rate * seconds)):
                due = started + number / rate
                wait = due - time.perf_counter()
                await asyncio.sleep(wait if wait > 0.001 else 0)
                tasks.create_task(send(due))
            lasted = time.perf_counter() - started
        return {"seconds": lasted, "sent": total, "answers": self._answers()}

    async def _send(self, client: Client, since: float) -> None:
        status = await client.send(next(self._requests))
        self._latencies[status].append(time.perf_counter() - since)

    def _answers(self) -> dict[str, dict[str, float]]:
        return {
            str(status): {
                "count": len(latencies),
                "p50": statistics.median(latencies),
                "p99": sorted(latencies)[int(len(latencies) * 0.99)],
            }
            for status, latencies in sorted(self._latencies.items())
        }


def closed_loop(url: str, bodies: Path, clients: int, seconds: float) -> "subprocess.Popen[str]":
    """Start a closed loop of so many clients; `result_of` waits for its result."""
    return _start(url, bodies, seconds, f"--clients={clients}")


def open_loop(url: str, bodies: Path, rate: float, seconds: float) -> "subprocess.Popen[str]":
    """Start an open loop of so many requests per second; `result_of` waits for its result."""
    return _start(url, bodies, seconds, f"--rate={rate}")


def _start(url: str, bodies: Path, seconds: float, loop: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.loops", url, str(bodies), str(seconds), loop]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result_of(load: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for a loop to end.

    Returns:
        Its duration (`seconds`), and under `answers`, for each status (0 for lost connections and timeouts), the
        `count` of responses and the median and 99th percentile of their latencies in seconds (`p50`, `p99`). An open
        loop adds the number of requests `sent`.

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
    options.add_argument("bodies", type=Path, help="a file with one JSON body per line")
    options.add_argument("seconds", type=float)
    options.add_argument("--clients", type=int, help="clients of a closed loop")
    options.add_argument("--rate", type=float, help="requests per second of an open loop")
    chosen = options.parse_args()
    load, seconds = Load(chosen.url, chosen.bodies), chosen.seconds
    loop = load.closed_loop(chosen.clients, seconds) if chosen.clients else load.open_loop(chosen.rate, seconds)
    print(json.dumps(uvloop.run(loop)))


if __name__ == "__main__":
    main()
