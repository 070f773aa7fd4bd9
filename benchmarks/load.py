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
    """What wrk measured.

    Attributes:
        requests: Successful requests.
        seconds: Duration.
        p50: Median latency in seconds.
        p99: 99th percentile of the latency in seconds.
        failed: Requests that failed.
    """

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int


def require_wrk() -> None:
    """Check that wrk is installed.

    Raises:
        SystemExit: It is not.
    """
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; install it with `apt-get install wrk` or `brew install wrk`")


def drive(url: str, bodies: Path, connections: int, seconds: int) -> Load:
    """Send requests in a closed loop.

    Args:
        url: With the path.
        bodies: A file with one JSON body per line.
        connections: Connections, each with one request in flight.
        seconds: Duration.

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
