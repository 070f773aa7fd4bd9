"""A job that is stopped or killed can be resumed, and every row comes out once, in order."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from tests.bulk.jobs import (
    PATIENCE,
    command,
    error_of,
    parts,
    reviews,
    settings,
    started,
    succeed,
    wait_until,
    write_csv,
)

pytestmark = pytest.mark.slow

ROWS = 24_000
OPTIONS = ("--part-rows", 200, "--workers", 2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 120 parts, with rows that cannot be scored and lines that cannot be parsed."""
    texts = [" " if i % 120 == 0 else text for i, text in enumerate(reviews(ROWS))]
    path = write_csv(tmp_path_factory.mktemp("in") / "a.csv", texts)
    lines = path.read_text().split("\n00")
    lines[500] += "\nonly one field"
    lines[20_000] += "\nonly one field"
    path.write_text("\n00".join(lines))
    return path


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The output of an undisturbed job."""
    output = tmp_path_factory.mktemp("job") / "out"
    succeed(source, output, *OPTIONS, code=3)
    return content_of(output)


def content_of(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [*parts(output), output / "_bad_lines.jsonl"]}


def has_parts(output: Path, count: int) -> Callable[[], bool]:
    return lambda: len(parts(output)) >= count


def running(*arguments: object) -> AbstractContextManager[Popen[str]]:
    return started(command(*arguments), settings())


def test_job_that_is_killed_repeatedly_is_resumed(source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    output = tmp_path / "out"
    for count in (0, 1, 30, 90):
        with running(source, output, *OPTIONS, "--resume") as process:
            wait_until(has_parts(output, count))
            workers = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE] == []
        assert all(part.read_bytes() == expected[part.name] for part in parts(output))  # whole, or not there
    finished = parts(output)[:89]  # a kill right after the renaming costs that part
    before = {path: path.stat().st_mtime_ns for path in finished}
    summary = succeed(source, output, *OPTIONS, "--resume", code=3)
    assert (summary["rows"], summary["errors"], summary["bad_lines"]) == (ROWS, ROWS // 120, 2)
    assert summary["run"]["rows"] <= ROWS - 88 * 200
    assert content_of(output) == expected
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert succeed(source, output, *OPTIONS, "--resume", code=3)["run"]["rows"] == 0


@pytest.mark.parametrize("sending", [False, True], ids=["at any moment", "while all workers send results"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_a_job_and_leaves_whole_parts(
    number: signal.Signals, code: int, sending: bool, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        wait_until(has_parts(output, 3))
        workers = psutil.Process(process.pid).children(recursive=True)
        if sending:  # nobody reads what the workers send
            process.send_signal(signal.SIGSTOP)
            time.sleep(1)
        os.killpg(process.pid, number)  # like a terminal, to the workers as well
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (code, "stopped; to continue, run the same command with --resume\n")
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert not [path for path in output.iterdir() if path.name.endswith(".tmp")]
    if not sending:
        succeed(source, output, *OPTIONS, "--resume", code=3)
        assert content_of(output) == expected


@pytest.mark.parametrize("name", [".part-00000.csv.*.tmp", "part-00000.csv"])
def test_job_that_is_killed_in_its_first_part_is_resumed(name: str, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    options = ("--part-rows", 4000, "--workers", 2)
    with running(source, output, *options) as process:
        while not any(output.glob(name)):
            assert process.poll() is None
        assert name.startswith(".") or (output / "_job.json").exists()  # the part is known before it is there
        process.kill()
    assert succeed(source, output, *options, "--resume", code=3)["rows"] == ROWS


@pytest.mark.parametrize("sending", [False, True], ids=["at any moment", "while it sends a result"])
def test_worker_that_dies_ends_the_job(sending: bool, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, "--part-rows", 200, "--workers", 1) as process:
        wait_until(has_parts(output, 3))
        if sending:  # nobody reads what the worker sends
            process.send_signal(signal.SIGSTOP)
            time.sleep(1)
        for child in psutil.Process(process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "a worker process died" in errors
    assert "Traceback" not in errors


def test_another_job_is_not_resumed(tmp_path: Path) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    write_csv(source / "a.csv", reviews(80))
    succeed(source, output, *OPTIONS)
    before = {path: path.read_bytes() for path in output.iterdir()}
    changes: dict[str, list[object]] = {
        "text": ["--text-column", "note"],
        "model": ["--model-version", 1],
        "max_characters": ["--max-characters", 99],
        "keep": ["--keep", "id"],
        "prefix": ["--prefix", "p_"],
        "explain": ["--explain", 3],
        "part_rows": ["--part-rows", 41],
        "runtime": ["--runtime", "tensorflow"],
    }
    for change, options in changes.items():
        assert f"a job with another {change};" in error_of(source, output, *OPTIONS, "--resume", *options)
    write_csv(source / "b.csv", ["good"])
    assert "a job with another inputs;" in error_of(source, output, *OPTIONS, "--resume")
    (source / "b.csv").unlink()
    write_csv(source / "a.csv", reviews(81))
    assert "a job with another inputs;" in error_of(source, output, *OPTIONS, "--resume")
    assert {path: path.read_bytes() for path in output.iterdir()} == before


def test_second_job_on_the_same_output_is_rejected(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        wait_until(has_parts(output, 3))
        process.send_signal(signal.SIGSTOP)  # it could be complete before the others start
        for option in ("--prefix=p_", "--resume"):
            assert "another job is writing here" in error_of(source, output, *OPTIONS, option)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
