"""A job that is stopped or killed can be resumed, and every row comes out once, in order."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
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
    rows_of,
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


def has_parts(output: Path, count: int) -> bool:
    return len(parts(output)) >= count


def running(*arguments: object) -> AbstractContextManager[Popen[str]]:
    return started(command(*arguments), settings())


def test_job_that_is_killed_repeatedly_is_resumed(source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    output = tmp_path / "out"
    for count in (0, 1, 4, 30, 60, 90):
        with running(source, output, *OPTIONS, "--resume") as process:
            wait_until(partial(has_parts, output, count))
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_a_job_and_leaves_whole_parts(
    number: signal.Signals, code: int, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        wait_until(lambda: len(parts(output)) >= 5)
        workers = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, number)  # like a terminal, to the workers as well
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert "Traceback" not in errors
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert not [path for path in output.iterdir() if path.name.endswith(".tmp")]
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


def test_signal_while_all_workers_send_results_stops_the_job(source: Path, tmp_path: Path) -> None:
    """Executors of the standard library wait forever for workers that die while they hold a lock."""
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        wait_until(lambda: len(parts(output)) >= 3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1)  # meanwhile, the pipes fill
        workers = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors == "stopped; to continue, run the same command with --resume\n"
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive


@pytest.mark.parametrize("sending", [False, True], ids=["at any moment", "while it sends a result"])
def test_worker_that_dies_ends_the_job(sending: bool, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, "--part-rows", 200, "--workers", 1) as process:
        wait_until(lambda: len(parts(output)) >= 3)
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


def touched(source: Path) -> list[object]:
    with source.open("a") as file:
        file.write("id-x,one more,note\n")
    return []


def another(source: Path) -> list[object]:
    write_csv(source.parent / "b.csv", ["good"])
    return []


CHANGES: dict[str, Callable[[Path], list[object]]] = {
    "inputs": touched,
    "inputs ": another,
    "text": lambda _: ["--text-column", "note"],
    "model": lambda _: ["--model-version", 1],
    "max_characters": lambda _: ["--max-characters", 99],
    "keep": lambda _: ["--keep", "id"],
    "prefix": lambda _: ["--prefix", "p_"],
    "explain": lambda _: ["--explain", 3],
    "part_rows": lambda _: ["--part-rows", 41],
    "runtime": lambda _: ["--runtime", "tensorflow"],
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_job_is_not_resumed(change: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = write_csv(tmp_path / "in/a.csv", reviews(80))
    output = tmp_path / "out"
    succeed(source.parent, output, *OPTIONS)
    before = {path: path.read_bytes() for path in output.iterdir()}
    message = error_of(source.parent, output, *OPTIONS, "--resume", *CHANGES[change](source))
    assert f"a job with another {change.strip()}" in message
    assert {path: path.read_bytes() for path in output.iterdir()} == before


def test_existing_output_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("no JSON\n" + json.dumps({"review": "good"}))
    for output in (tmp_path / "out", tmp_path / "out.jsonl"):
        succeed(tmp_path / "bad.jsonl", output, "--part-rows", 1, code=3)
        assert "exists already" in error_of(tmp_path / "bad.jsonl", output, "--part-rows", 1)
    (tmp_path / "bad.jsonl").write_text(json.dumps({"review": "bad"}))
    succeed(tmp_path / "bad.jsonl", tmp_path / "out.jsonl", "--overwrite")
    assert [row["review"] for row in rows_of(tmp_path / "out.jsonl")] == ["bad"]
    assert not (tmp_path / "out.jsonl_bad_lines.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "options"),
    [("part-00000.csv", []), ("part-00000.csv", ["--resume"]), ("a/b.txt", ["--resume"]), ("a.txt", ["--overwrite"])],
)
def test_folder_with_anything_else_in_it_is_refused(name: str, options: list[str], tmp_path: Path) -> None:
    source, foreign = write_csv(tmp_path / "a.csv", ["good"]), tmp_path / "out" / name
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    assert "choose a new folder, or --resume for a stopped job" in error_of(source, tmp_path / "out", *options)
    assert foreign.read_text() == "mine"


def test_second_job_on_the_same_output_is_rejected(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        wait_until(lambda: len(parts(output)) >= 3)
        process.send_signal(signal.SIGSTOP)  # it could be complete before the others start
        for option in ("--prefix=p_", "--resume"):
            assert "another job is writing here" in error_of(source, output, *OPTIONS, option)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
