"""SIGHUP replaces the model without a restart: real processes, real signals, clients that never pause."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from app.bundles.opening import open_classifier
from app.bundles.reading import load_bundle
from tests.clients import answered, load, outcomes_of
from tests.models import break_golden_review, resealed
from tests.probabilities import assert_same
from tests.scraping import number, numbers_in, scrape
from tests.servers import PATIENCE, ROOT, Server, environment, running, serving, starting, wait_until

both = pytest.mark.parametrize("workers", [1, 2])
TOO_LONG = "x" * 300
"""A name that no file can have: looking for it is an error for every user, also for root."""
REVIEWS = [f"a superb film, {'boring ' * (i % 4)}{'awful' if i % 3 else 'great'} number {i}" for i in range(40)]


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A folder of versions to add bundles to; it has version 1."""
    shutil.copytree(models / "1", tmp_path / "tiny/1")
    return tmp_path / "tiny"


def deliver(bundle: Path, folder: Path) -> Path:
    """Add a bundle to a folder, all at once."""
    staged = Path(shutil.copytree(bundle, folder / f".{bundle.name}"))
    return staged.rename(folder / bundle.name)


def reload(server: Server, event: str, count: int) -> None:
    """Send SIGHUP and wait until the event has been logged this often."""
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sum(line["event"] == event for line in server.logs()) == count)


def served_version(server: Server) -> str:
    """Over a new connection, so that any worker may accept it."""
    version: str = httpx.get(f"{server.url}/model", timeout=PATIENCE).json()["version"]
    return version


@both
def test_reload_loses_no_request_and_mixes_no_versions(folder: Path, newer: Path, workers: int) -> None:
    """Each request is scored in several batches, and answered by one version alone."""
    expected = {
        bundle.name: open_classifier(load_bundle(bundle), "numpy").predict(REVIEWS) for bundle in (folder / "1", newer)
    }
    with serving(model_dir=folder, workers=workers, runtime="numpy") as server:
        with load(server.url, REVIEWS) as clients:
            wait_until(lambda: answered(clients) > 500)
            deliver(newer, folder)
            reload(server, "reloaded", 1)
            before = answered(clients)
            wait_until(lambda: answered(clients) > before + 500)
        assert {served_version(server) for _ in range(20)} == {"2"}
        numbers = scrape(server.url)
    assert set(outcomes_of(clients)) == {"200"}, outcomes_of(clients)
    bodies = [json.loads(body) for body in set.union(*(client.bodies for client in clients))]
    assert {body["model"]["version"] for body in bodies} == {"1", "2"}
    for body in bodies:
        assert_same(body["predictions"], expected[body["model"]["version"]])
    assert number(numbers, "reloads_total", result="loaded") == 1
    served = [dict(labels) for (name, labels), value in numbers.items() if name.endswith("bundle_info") and value]
    assert [labels["version"] for labels in served] == ["2"]


@both
def test_bundles_that_cannot_be_served_are_rejected_and_the_next_one_loaded(
    folder: Path, newer: Path, workers: int
) -> None:
    """A worker that is replaced meanwhile serves the same version as the others."""
    with serving(model_dir=folder, workers=workers, runtime="numpy") as server:
        network = folder / "1/network.npz"
        content = network.read_bytes()
        network.write_bytes(b"")  # of the bundle that is in service
        reload(server, "reload rejected", 1)
        server.wait_for("network.npz: its SHA-256 is not the one in the manifest")
        network.write_bytes(content)
        faulty = deliver(newer, folder)
        break_golden_review(faulty)  # only a worker can notice; one is enough
        reload(server, "reload rejected", 2)
        server.wait_for("should score 0.123")
        assert number(scrape(server.url), "reloads_total", result="rejected") == 2
        if workers > 1:
            server.kill_worker()
            server.wait_ready(workers)
        assert {served_version(server) for _ in range(20)} == {"1"}
        shutil.rmtree(faulty)
        deliver(newer, folder)
        reload(server, "reloaded", 1)
        assert {served_version(server) for _ in range(20)} == {"2"}


def test_workers_never_serve_different_bundles(folder: Path, newer: Path) -> None:
    """Neither because one is replaced, nor because a folder changes while they reload."""
    deliver(newer, folder)
    with serving(model_dir=folder, workers=2, runtime="numpy") as server:
        (folder / "2/report/history.json").write_text("{}")
        resealed(folder / "2")
        _, second = server.workers()
        server.kill_worker()
        server.wait_for("it has been replaced")
        server.wait_for('"worker did not start"')
        assert server.workers() == [second]
        shutil.copytree(newer, folder / "2", dirs_exist_ok=True)
        server.wait_ready(2)
        assert {served_version(server) for _ in range(10)} == {"2"}

        shutil.rmtree(folder / "2")
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        deliver(newer, folder)
        server.wait_for('"reloaded"')
        assert {served_version(server) for _ in range(20)} == {"1"}

        (folder / "1/report/history.json").write_text("{}")
        resealed(folder / "1")
        shutil.rmtree(folder / "2")
        reload(server, "reloaded", 2)
        server.wait_for(f'{load_bundle(folder / "1").digest}.*"reloaded"')


@both
def test_reload_is_possible_from_the_first_moment(folder: Path, newer: Path, workers: int) -> None:
    """SIGHUP waits until it can be handled, even if it comes while most packages are being imported."""
    with starting(model_dir=folder, workers=workers, runtime="numpy") as server:
        wait_until(lambda: is_importing(server.process.pid))
        for i in range(20):
            if i == 10:
                deliver(newer, folder)
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        server.url = server.wait_for(r"running on (http://[\d.]+:\d+)")[1]
        server.wait_for(f'{load_bundle(newer).digest}.*"reloaded"')
        server.wait_ready(workers)
        assert {served_version(server) for _ in range(20)} == {"2"}


def is_importing(pid: int) -> bool:
    return any("httptools" in mapped.path for mapped in psutil.Process(pid).memory_maps())


@both
def test_reload_reads_the_key_file_again(folder: Path, newer: Path, tmp_path: Path, workers: int) -> None:
    """An invalid key, or a file that cannot be read, is rejected. A new version that is not chosen is not served."""
    keys = tmp_path / "keys"
    old, new = "the-old-key-0123456789", "the-new-key-0123456789"
    keys.write_text(old)
    keys.chmod(0o600)
    settings = {"model_version": "1", "runtime": "numpy", "api_keys_file": keys}
    with serving(model_dir=folder, workers=workers, **settings) as server:
        deliver(newer, folder)
        assert {status_with(server, key) for key in [old, new] * 10} == {(old, 200), (new, 401)}
        keys.write_text("short")
        reload(server, "reload rejected", 1)
        keys.unlink()
        keys.symlink_to(TOO_LONG)
        reload(server, "reload rejected", 2)
        metrics = httpx.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {old}"}).text
        assert number(numbers_in(metrics), "reloads_total", result="rejected") == 2
        assert {status_with(server, key) for key in [old, new] * 10} == {(old, 200), (new, 401)}
        assert not any(line["level"] == "warning" for line in server.logs())
        keys.unlink()
        keys.write_text(new)
        keys.chmod(0o644)
        reload(server, "reloaded", 1)
        assert {status_with(server, key) for key in [old, new] * 10} == {(old, 401), (new, 200)}
        (versions,) = [list(line["bundles"]) for line in server.logs() if line["event"] == "reloaded"]
        assert versions == ["1"]
        (warning,) = [line["event"] for line in server.logs() if line["level"] == "warning"]
        assert "every user can read SENTIMENT_API_KEYS_FILE" in warning


def status_with(server: Server, key: str) -> tuple[str, int]:
    return key, httpx.get(f"{server.url}/model", headers={"Authorization": f"Bearer {key}"}).status_code


@pytest.fixture
def unignored() -> Iterator[None]:
    """SIGHUP is not ignored, as it is by what nohup starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not shutil.which("setsid"), reason="setsid is not installed")
@pytest.mark.parametrize(("workers", "loading"), [(1, True), (1, False), (2, False)])
@pytest.mark.usefixtures("unignored")
def test_closing_the_terminal_stops_the_service(folder: Path, workers: int, loading: bool) -> None:
    terminal, stdin = os.openpty()
    env = environment(model_dir=folder, runtime="numpy", workers=workers, drain=0, port=0, log_format="json")
    command = ["setsid", "--ctty", sys.executable, "-m", "app"]
    with running(command, cwd=ROOT, env=env, stdin=stdin) as server:
        if loading:
            server.wait_for("Started server process")
        else:
            server.wait_ready(workers)
            reload(server, "reloaded", 1)  # the terminal is open
        os.close(terminal)
        os.close(stdin)
        assert server.process.wait(PATIENCE) == 0
