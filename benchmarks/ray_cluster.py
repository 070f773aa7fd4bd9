"""A Ray cluster on this machine, on the loopback address alone.

`cluster` starts this module with the Python of `.environments/ray`: `python -m benchmarks.ray_cluster NODES`. It prints
one line of JSON, the address and the process id of each node's raylet, and stops when its standard input is closed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import ROOT

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
"""What a node is started with; bytes. Only the names of chunks go through the object store."""

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
"""For the cluster and for what connects to it. Nodes call themselves 127.0.0.1 and listen there alone, as Ray does
anyway on the systems that the variable is named after; and there are no reports to anybody."""

QUICK = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3"}
"""A dead node is noticed after three seconds instead of fifteen."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers.

    Attributes:
        address: Of its head.
        raylets: The process of each node that starts its workers, the head's first.
    """

    address: str
    raylets: list[int]


@contextmanager
def cluster(python: Path, nodes: int) -> Iterator[Cluster]:
    """Run a cluster of nodes with one core each for as long as the block lasts; none of its processes stays.

    Raises:
        SystemExit: It did not start.
    """
    process = subprocess.Popen(
        [python, "-m", "benchmarks.ray_cluster", str(nodes)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdin
        assert process.stdout
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("the Ray cluster did not start")
            yield Cluster(**json.loads(line))
        finally:
            process.stdin.close()
            try:
                with suppress(subprocess.TimeoutExpired):  # on a busy machine; what is left then is killed
                    process.wait(30)
            finally:
                _kill_session(process.pid)


def _kill_session(session: int) -> None:
    import psutil  # Ray's environment does not have it

    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session:
                process.kill()
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue


def main() -> None:
    """Start, tell, wait, stop."""
    os.environ.update(LOOPBACK | QUICK)
    from ray.cluster_utils import Cluster as RayCluster

    started = RayCluster(initialize_head=True, head_node_args=NODE)
    try:
        for _ in range(int(sys.argv[1]) - 1):
            started.add_node(**NODE)
        started.wait_for_nodes()
        nodes = [started.head_node, *started.worker_nodes]
        raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
        print(json.dumps({"address": started.address, "raylets": raylets}), flush=True)
        sys.stdin.read()
    finally:
        started.shutdown()


if __name__ == "__main__":
    main()
