"""The folder of the workers' metrics: full disks and cleaners neither end a worker nor fail a request."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.telemetry.shared import KINDS, RESERVED
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, environment, run_python, running, serving


def metrics_folder(server: Server) -> Path:
    (folder,) = Path("/dev/shm").glob(f"sentiment-workers-{server.process.pid}-*")
    return folder


def on_a_disk(options: str) -> list[str]:
    """The service, with a file system of its own as /dev/shm that is mounted with these options."""
    mount = f"mount -t tmpfs -o {options} tmpfs /dev/shm"
    if subprocess.run(["unshare", "--mount", "sh", "-c", mount], capture_output=True).returncode:
        pytest.skip("mounting a file system needs root and Linux")
    return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable, "-m", "app"]


def settings_of(models: Path) -> dict[str, str]:
    """Two workers that have no other place for temporary files."""
    env = environment(model_dir=models, workers=2, runtime="numpy", port=0, log_format="json", drain=0)
    return env | {"TMPDIR": "/dev/shm"}


def test_workers_share_a_folder_and_survive_its_removal(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        folder = metrics_folder(server)
        pids = [server.process.pid, *server.workers()]
        # A new version of prometheus-client may choose other names, and then grow files that were not reserved.
        assert {file.name for file in folder.iterdir()} == {f"{kind}_{pid}.db" for kind in KINDS for pid in pids}

        shutil.rmtree(folder)
        assert httpx.get(f"{server.url}/metrics", timeout=PATIENCE).status_code == 200
        victim = server.workers()[0]
        os.kill(victim, signal.SIGKILL)
        server.wait_for(rf'"pid":{victim},.*"worker died"')
        server.wait_ready(2)
        assert httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE).status_code == 200
        assert number(scrape(server.url), "workers_ready") == 1  # the replacement's; the other's files are lost
    assert not folder.exists()


def test_dead_workers_keep_their_counts_but_free_the_rest(models: Path) -> None:
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        folder = metrics_folder(server)
        for _ in range(20):
            httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE).raise_for_status()
        for victim in server.workers():
            os.kill(victim, signal.SIGKILL)
            server.wait_for(rf'"pid":{victim},.*"worker died"')
            kept = list(folder.glob(f"*_{victim}.db"))
            assert {file.name.split("_")[0] for file in kept} == {"counter", "histogram"}
            assert all(file.stat().st_size < RESERVED / 2 for file in kept)
        server.wait_ready(2)
        assert number(scrape(server.url), "reviews_total") == 20


@pytest.mark.slow
def test_full_disk_ends_no_worker(models: Path) -> None:
    with running(on_a_disk("size=16m"), cwd=ROOT, env=settings_of(models)) as server:
        url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        server.wait_ready(2)
        workers = server.workers()
        full = Path(f"/proc/{server.process.pid}/root/dev/shm/full")
        with full.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        for method in ("GET", "POST", "HEAD", "OPTIONS", "PROPFIND"):  # new series, in both workers
            for path in ("/predict", "/explain", "/model", "/docs", "/", "/metrics", "/v2", "/v2/models/tiny/infer"):
                for _ in range(6):
                    httpx.request(method, f"{url}{path}", timeout=PATIENCE)
        assert server.workers() == workers
        assert number(scrape(url), "worker_restarts_total") == 0


def test_no_room_for_metrics_ends_the_start(models: Path) -> None:
    done = subprocess.run(
        on_a_disk("size=1m"), cwd=ROOT, env=settings_of(models), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert "there is no room for the workers' metrics ([Errno 28] No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_shared_memory_that_cannot_be_written_ends_the_start(models: Path) -> None:
    env = settings_of(models) | {"TMPDIR": "/tmp"}
    done = subprocess.run(on_a_disk("ro"), cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert "error: the workers cannot share memory ([Errno 30] Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_start_removes_what_a_killed_supervisor_has_left(models: Path, tmp_path: Path) -> None:
    """But neither what another service uses, nor what a link points to."""
    link = Path(f"/dev/shm/sentiment-workers-{os.getpid()}-link")
    link.symlink_to(tmp_path)
    try:
        with serving(model_dir=models, workers=2, runtime="numpy") as other:
            with serving(model_dir=models, workers=2, runtime="numpy") as killed:
                left = metrics_folder(killed)
                killed.process.kill()
            assert left.exists()
            with serving(model_dir=models, workers=2, runtime="numpy"):
                assert not left.exists()
                assert metrics_folder(other).exists()
                assert tmp_path.exists()
    finally:
        link.unlink()


FAILING = """
import resource, sys
from app.model.prediction import UncertaintyRule, prediction_of
from app.telemetry.logs import configure_logs
from app.telemetry.metrics import Metrics, VersionMetrics
from app.telemetry.shared import RESERVED

configure_logs("info", "json")
metrics = Metrics()
resource.setrlimit(resource.RLIMIT_FSIZE, (RESERVED, resource.RLIM_INFINITY))  # files cannot grow any more
for number in range(100):
    version = VersionMetrics(metrics, str(number))
    version.observe([prediction_of(0.5, 1, 1, UncertaintyRule(0, 1, 0, 0))], 0.1, 0.1, 0.1)
    version.explained(1)
    metrics.request("GET", str(number) * 1000, 200, 0.1, str(number) * 1000)
print(len(metrics.exposition()), file=sys.stderr)  # where no line of the log, which a thread writes, comes between
"""


def test_metrics_that_cannot_be_recorded_are_logged_once_and_raise_nothing(tmp_path: Path) -> None:
    done = run_python("-c", FAILING, env={**environment(), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")})
    assert done.returncode == 0, done.stderr
    assert int(done.stderr) > 1000
    assert done.stdout.count("metrics are incomplete") == 1
