"""Workers that hang before they are ready, and a supervisor that fails."""

import resource
import signal
from pathlib import Path

import psutil

from tests.servers import PATIENCE, environment, run_python, serving

IMPATIENT = """
import sys
from app.process import supervisor
from app.process.hangup import HangUp
from app.process.serving import serve
from app.settings import Settings

supervisor.START_TIMEOUT = 0.1  # seconds, which are enough for no worker
sys.exit(serve(Settings(), HangUp()))
"""


def test_worker_that_is_not_ready_in_time_is_killed(models: Path) -> None:
    done = run_python(
        "-c", IMPATIENT, env=environment(model_dir=models, workers=2, runtime="numpy", log_format="json", port=0)
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.count('"worker hangs"') == 2


def test_supervisor_that_fails_stops_its_workers(models: Path, tmp_path: Path) -> None:
    """Here because there is too little memory for the file of API keys."""
    keys = tmp_path / "keys"
    keys.write_text("0123456789-abcdef")
    with serving(model_dir=models, workers=2, runtime="numpy", api_keys_file=keys) as server:
        with keys.open("r+b") as file:
            file.truncate(2**33)  # without taking space on the disk
        process = psutil.Process(server.process.pid)
        workers = [psutil.Process(pid) for pid in server.workers()]
        limit = process.memory_info().vms + 2**30
        process.rlimit(resource.RLIMIT_AS, (limit, limit))
        process.send_signal(signal.SIGHUP)
        assert server.process.wait(PATIENCE) == 1
        server.wait_for("MemoryError")
        assert not any(worker.is_running() for worker in workers)
        assert len(server.lines) == len(server.logs())  # each is JSON
