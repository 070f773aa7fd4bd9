"""Load: wrk, sending real test reviews in a closed loop."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What a server did under load.

    Attributes:
        requests: Answered with success.
        seconds: How long it took.
        p50: Latency in seconds that half of the requests stayed under.
        p99: That of 99 in 100.
        failed: Requests that were not.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int


def require_wrk() -> None:
    """Say how to get wrk when it is missing.

    Raises:
        SystemExit: It is missing.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk makes the load and is not installed: apt-get install wrk, or brew install wrk")


def drive(url: str, bodies: Path, connections: int, seconds: int) -> Load:
    """Keep so many requests under way for so long.

    Args:
        url: With the path.
        bodies: A file with one JSON body a line.
        connections: Requests under way at any time.
        seconds: How long.

    Raises:
        SystemExit: wrk itself failed.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    environment = os.environ | {"BODIES": str(bodies)}
    answer = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    lines = answer.stdout.splitlines()
    if answer.returncode or not lines:
        raise SystemExit(f"wrk failed: {answer.stderr}")
    report = json.loads(lines[-1])
    report["requests"] -= report["failed"]
    return Load(**report)
