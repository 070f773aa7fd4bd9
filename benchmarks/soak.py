"""Ten minutes at 70% of the peak: errors, memory and open files of one worker.

Measures the peak in a closed loop, then sends 70% of it at a fixed rate. Compares memory after the first fifth, when
caches have filled, with memory at the end. Status 0 stands for lost connections and timeouts.
"""

import argparse
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.contenders import ONE_WORKER, predict_body
from benchmarks.loops import closed_loop, open_loop, result_of
from benchmarks.samples import sample_reviews, write_bodies

SHARE_OF_PEAK = 0.7
REVIEWS_PER_REQUEST = 8


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    options.add_argument("--dataset", nargs="+", type=Path, required=True, help="archives or folders of raw reviews")
    options.add_argument("--seconds", type=float, default=600, help="duration (default: 600)")
    options.add_argument("--runtime", choices=ONE_WORKER, default="tensorflow", help="default: tensorflow")
    chosen = options.parse_args()
    console = Console()
    with Progress(console=console, transient=True) as progress:
        reviews = sample_reviews(chosen.dataset, progress)
    with tempfile.TemporaryDirectory() as folder, ONE_WORKER[chosen.runtime].run() as server:
        bodies = write_bodies(Path(folder) / "bodies.jsonl", predict_body, reviews, REVIEWS_PER_REQUEST)
        url = f"{server.url}/predict"
        result_of(closed_loop(url, bodies, 16, 2))  # warms up
        peak = result_of(closed_loop(url, bodies, 16, 3))
        rate = SHARE_OF_PEAK * peak["answers"]["200"]["count"] / peak["seconds"]
        files = server.process.num_fds()
        load = open_loop(url, bodies, rate, chosen.seconds)
        with console.status(f"{rate:.0f} requests/s for {chosen.seconds:g} s"):
            time.sleep(chosen.seconds / 5)
            memory, _ = server.usage()
            result = result_of(load)
        time.sleep(1)  # until the server has noticed that the connections are closed
        console.print(f"{chosen.runtime}, one worker, {rate:.0f} requests/s of {REVIEWS_PER_REQUEST} reviews")
        for status, answer in result["answers"].items():
            console.print(f"status {status}: {answer['count']:,} requests, 99% within {answer['p99'] * 1000:.1f} ms")
        console.print(f"memory growth: {server.usage()[0] / memory - 1:.1%}")
        console.print(f"open files before and after: {files}, {server.process.num_fds()}")


if __name__ == "__main__":
    main()
