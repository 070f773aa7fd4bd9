"""A job that is stopped, killed or robbed of its workers goes on, and every row is in the output once."""

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.bulk.jobs import (
    PATIENCE,
    bad,
    command,
    numbers,
    parts,
    refused,
    reviews,
    run_bulk,
    scored,
    settings,
    started,
    succeed,
    write_csv,
)
from tests.servers import ROOT

ROWS = 24_000
CHUNKS = 600
OPTIONS = ("--chunk-rows", 40, "--workers", 2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 600 chunks, with a bad row in every third."""
    texts = reviews(ROWS)
    for i in range(0, ROWS, 120):
        texts[i] = " "
    return write_csv(tmp_path_factory.mktemp("in") / "a.csv", texts)


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an undisturbed job writes."""
    output = tmp_path_factory.mktemp("out")
    succeed(source, output, *OPTIONS, code=3)
    return contents(output)


def contents(output: Path) -> dict[str, bytes]:
    """The files of the output, but for the manifest, which holds the time."""
    names = [*(part.name for part in parts(output)), "_bad_rows.jsonl"]
    return {name: (output / name).read_bytes() for name in names}


def journal(output: Path) -> list[int]:
    """The chunks that are committed, in the order in which they were."""
    path = output / "_job/journal.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line)["chunk"] for line in lines]


def has_done(output: Path, chunks: int) -> bool:
    return len(journal(output)) >= chunks


def soon(condition: Callable[[], bool]) -> None:
    """Wait for what may pass quickly."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def leaves_interrupts_to_its_parent(worker: psutil.Process) -> bool:
    """Whether it ignores SIGINT already; before that, Python tells with a traceback where it was."""
    (ignored,) = re.findall(r"^SigIgn:\s*(\w+)$", Path(f"/proc/{worker.pid}/status").read_text(), re.MULTILINE)
    return bool(int(ignored, 16) >> (signal.SIGINT - 1) & 1)


def running(*arguments: object) -> AbstractContextManager[subprocess.Popen[str]]:
    return started(command(*arguments), settings())


def test_job_killed_at_any_moment_goes_on(source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    rng = random.Random(1)
    output = tmp_path / "out"
    # While it starts, while it looks for rows, then between and within commits; not so late that it could be complete.
    for chunks in (0, 1, 9, 10, 60, 200, 300, 400):
        with running(source, output, *OPTIONS) as process:
            soon(partial(has_done, output, chunks))
            time.sleep(rng.random() * (0.5 if chunks == 0 else 0.03))
            process.kill()
            process.wait()
        assert not (output / "_manifest.json").exists()
    done = journal(output)
    assert len(set(done)) == len(done) >= 400
    succeed(source, output, *OPTIONS, code=3)
    assert contents(output) == expected
    assert journal(output)[: len(done)] == done  # what was done stays, and is not done again
    assert sorted(journal(output)) == list(range(CHUNKS))
    every = [row for _, row in numbers(scored(output))] + [row["row"] for row in bad(output)]
    assert sorted(every) == list(range(ROWS))
    assert not list((output / "_job").glob("staging/*"))


def test_complete_job_is_not_done_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    succeed(source, output, *OPTIONS, code=3)
    before = {path: path.stat().st_mtime_ns for path in parts(output)}
    summary = succeed(source, output, *OPTIONS, code=3)
    assert "run" not in summary
    assert {path: path.stat().st_mtime_ns for path in parts(output)} == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_stops_it_and_it_goes_on(
    number: signal.Signals, code: int, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        soon(lambda: len(journal(output)) >= 5)
        # One worker may come up long before the other; without new work it waits.
        process.send_signal(signal.SIGSTOP)
        workers = psutil.Process(process.pid).children(recursive=True)
        soon(lambda: all(map(leaves_interrupts_to_its_parent, workers)))
        process.send_signal(signal.SIGCONT)
        os.killpg(process.pid, number)  # as a terminal does, to the workers too
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert errors.splitlines()[-1] == "stopped; the same command goes on from here"
    assert "Traceback" not in errors
    psutil.wait_procs(workers, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    succeed(source, output, *OPTIONS, code=3)
    assert contents(output) == expected


def test_killed_workers_are_replaced_and_nothing_is_lost(
    source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        for chunks in (5, 60, 200):
            soon(partial(has_done, output, chunks))
            for child in psutil.Process(process.pid).children():
                with suppress(psutil.NoSuchProcess):  # one of those before may not be buried yet
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert contents(output) == expected
    assert sorted(journal(output)) == list(range(CHUNKS))


def test_workers_end_when_their_job_is_killed(source: Path, tmp_path: Path) -> None:
    with running(source, tmp_path / "out", *OPTIONS) as process:
        soon(lambda: len(journal(tmp_path / "out")) >= 3)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE] == []


def test_torn_last_line_of_the_journal_is_done_again(source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        soon(lambda: len(journal(output)) >= 5)
        process.kill()
        process.wait()
    path = output / "_job/journal.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    succeed(source, output, *OPTIONS, code=3)
    assert contents(output) == expected
    assert sorted(journal(output)) == list(range(CHUNKS))


def touched(source: Path) -> list[object]:
    with source.open("a") as file:
        file.write("id-x,one more,note\n")
    return []


def another(source: Path) -> list[object]:
    write_csv(source.parent / "b.csv", ["good"])
    return []


CHANGES: dict[str, tuple[Callable[[Path], list[object]], str]] = {
    "a file was changed": (touched, "a.csv was changed"),
    "a file is new": (another, "b.csv is new"),
    "another column": (lambda _: ["--text", "note"], "--text was 'review', now it is 'note'"),
    "another model": (lambda _: ["--model-version", 1], "the model was imdb version 2"),
    "another limit": (lambda _: ["--max-characters", 99], "--max-characters was 50000, now it is 99"),
    "other columns": (lambda _: ["--keep", "id"], "--keep was not given, now it is id"),
    "another format": (lambda _: ["--format", "jsonl"], "--format was not given, now it is 'jsonl'"),
    "other names": (lambda _: ["--prefix", "p_"], "--prefix was '', now it is 'p_'"),
    "other chunks": (lambda _: ["--chunk-rows", 41], "--chunk-rows was 40, now it is 41"),
    "another runtime": (lambda _: ["--runtime", "tensorflow"], "--runtime was 'litert', now it is 'tensorflow'"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_another_job_does_not_go_on_with_this_one(
    change: Callable[[Path], list[object]], said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    source = write_csv(folder / "a.csv", reviews(80))
    output = tmp_path / "out"
    succeed(folder, output, *OPTIONS)
    before = contents_of(output)
    changed = change(source)
    answer = refused(folder, output, *OPTIONS, *changed)
    assert said in answer
    assert "--overwrite" in answer
    assert contents_of(output) == before


def contents_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_overwrite_leaves_nothing_of_the_earlier_job(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [" ", *reviews(99)])
    output = tmp_path / "out"
    succeed(source, output, "--chunk-rows", 10, code=3)
    write_csv(source, reviews(20, seed=1))
    succeed(source, output, "--chunk-rows", 10, "--overwrite")
    assert len(parts(output)) == 2
    assert len(scored(output)) == 20
    assert not (output / "_bad_rows.jsonl").exists()


def test_second_job_on_the_same_output_is_refused(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with running(source, output, *OPTIONS) as process:
        soon(lambda: len(journal(output)) >= 3)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            said = refused(source, output, *OPTIONS)
            also = refused(source, output, *OPTIONS, "--overwrite")
        finally:
            os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=PATIENCE)
    assert f"process {process.pid} on" in said
    assert "another job is writing" in also
    assert process.returncode == 3


@pytest.mark.parametrize("keeps_time", [False, True], ids=["as usual", "unseen from outside"])
def test_file_that_changes_while_it_is_scored_ends_the_job(keeps_time: bool, source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.csv"
    content = source.read_bytes()
    copy.write_bytes(content)
    before = copy.stat()
    with running(copy, tmp_path / "out", *OPTIONS) as process:
        soon(partial(has_done, tmp_path / "out", 3))
        process.send_signal(signal.SIGSTOP)
        copy.write_bytes(content[:-2000] + content[-2000:].replace(b"film", b"FILM"))
        if keeps_time:
            os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "it changed while the job ran" in errors
    assert not (tmp_path / "out/_manifest.json").exists()


@pytest.mark.parametrize("rows", [40, 4000], ids=["the plan does not fit", "a part does not fit"])
def test_disk_that_is_full_is_told_and_the_job_goes_on_later(rows: int, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = (source, output, "--chunk-rows", rows, "--workers", 2)
    limited = ["prlimit", "--fsize=20000", *command(*arguments)]
    done = subprocess.run(limited, cwd=ROOT, env=settings(), capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    succeed(*arguments, code=3)
    assert [row for _, row in numbers(scored(output))] == [row for row in range(ROWS) if row % 120]


def test_progress_is_told_in_lines_that_machines_read(source: Path, tmp_path: Path) -> None:
    done = run_bulk(source, tmp_path / "out", "--workers", 1)
    assert done.returncode == 3
    assert all(json.loads(line)["unit"] in ("rows", "bytes") for line in done.stderr.splitlines())
