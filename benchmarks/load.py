"""Load: wrk, sending real test reviews in a closed loop."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("load.lua")


def drive(url: str, bodies: Path, connections: int, seconds: int) -> dict[str, Any]:
    """Send requests in a closed loop.

    Args:
        url: Address and path.
        bodies: A file with one JSON body per line.
        connections: Number of connections, each with one request in flight.
        seconds: Duration.

    Returns:
        The numbers of successful (`requests`) and `failed` requests, the duration (`seconds`), and the median and 99th
        percentile of the latency (`p50`, `p99`), in seconds.

    Raises:
        SystemExit: wrk failed.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
    variables = os.environ | {"BODIES": str(bodies)}
    done = subprocess.run(command, check=False, env=variables, capture_output=True, text=True)
    if done.returncode or not done.stdout:
        raise SystemExit(f"wrk failed: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
