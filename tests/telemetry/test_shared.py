"""The folder of the workers' metrics: full disks and cleaners neither end a worker nor fail a request."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.telemetry.shared import KINDS
from tests.scraping import number, scrape
from tests.servers import PATIENCE, ROOT, Server, environment, running, serving, wait_until


def metrics_folder(server: Server) -> Path:
    (folder,) = Path("/dev/shm").glob(f"sentiment-metrics-{server.process.pid}-*")
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


def test_replacements_continue_the_counts_of_dead_workers_in_their_files(models: Path) -> None:
    """They survive the removal of the files, and remove the folder of a supervisor that was killed."""
    with serving(model_dir=models, workers=2, runtime="numpy") as server:
        folder = metrics_folder(server)
        sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
        # A new version of prometheus-client may choose other names, and then grow files that were not reserved.
        assert sizes.keys() == {f"{kind}_{slot}.db" for kind in KINDS for slot in ("supervisor", "0", "1", "2")}
        for _ in range(2):
            for _ in range(10):
                assert predict(server) == 200
            server.kill_worker()
            server.kill_worker()
            server.wait_ready(2)
        assert number(scrape(server.url), "reviews_total") == 20
        assert number(scrape(server.url), "workers_ready") == 2
        assert {file.name: file.stat().st_size for file in folder.iterdir()} == sizes

        shutil.rmtree(folder)
        assert httpx.get(f"{server.url}/metrics", timeout=PATIENCE).status_code == 200
        server.kill_worker()
        server.wait_ready(2)
        assert predict(server) == 200
        assert number(scrape(server.url), "workers_ready") == 1  # the replacement's; the other's files are lost

        server.process.kill()
        wait_until(lambda: not folder.exists())


def predict(server: Server) -> int:
    return httpx.post(f"{server.url}/predict", json={"reviews": ["superb"]}, timeout=PATIENCE).status_code


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


@pytest.mark.parametrize(
    ("options", "other_folder", "message"),
    [
        ("size=1m", "/dev/shm", "there is no room for the workers' metrics ([Errno 28] No space left on device"),
        ("ro", "/tmp", "error: the workers cannot share memory ([Errno 30] Read-only file system"),
    ],
)
def test_no_room_in_shared_memory_ends_the_start(models: Path, options: str, other_folder: str, message: str) -> None:
    env = settings_of(models) | {"TMPDIR": other_folder}
    done = subprocess.run(on_a_disk(options), cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
