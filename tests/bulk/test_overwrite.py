"""A job never touches files that are not its own, and `--overwrite` replaces a file only when the new one is there."""

import json
import signal
from pathlib import Path

import pytest

from tests.bulk.jobs import (
    PATIENCE,
    command,
    error_of,
    reviews,
    settings,
    started,
    succeed,
    wait_until,
    write_csv,
    write_jsonl,
)

pytestmark = pytest.mark.slow
OPTIONS = ("--part-rows", 100, "--workers", 2)


def files_in(output: Path) -> dict[str, bytes]:
    """The files and their contents, without locks."""
    return {path.name: path.read_bytes() for path in output.iterdir() if path.is_file() and path.suffix != ".lock"}


def test_failed_job_leaves_the_old_output(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text("no JSON\n" + json.dumps({"review": "good"}))
    succeed(tmp_path / "old.jsonl", tmp_path / "out.jsonl", code=3)
    lines = [json.dumps({"review": "good"})] * 2000 + [json.dumps({"review": "good", "words": 1})]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    before = files_in(tmp_path)
    message = error_of(tmp_path / "new.jsonl", tmp_path / "out.jsonl", *OPTIONS, "--overwrite", code=1)
    assert "has a field 'words' already" in message
    assert files_in(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "advice"),
    [("new", "to continue, run the same command with --resume"), ("out.jsonl", "nothing was written")],
)
def test_stopped_job_says_how_to_continue(name: str, advice: str, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", reviews(12_000))
    with started(command(source, tmp_path / name, *OPTIONS), settings()) as job:
        wait_until(lambda: any(tmp_path.glob(STARTED[name])))
        job.send_signal(signal.SIGINT)
        _, errors = job.communicate(timeout=PATIENCE)
    assert job.returncode == 130
    assert errors == f"stopped; {advice}\n"


def test_single_file_keeps_what_lies_beside_it(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["good"])
    bad, temporary = tmp_path / "out.csv_bad_lines.jsonl", tmp_path / ".out.csv.tmp"
    for path in (bad, temporary):
        path.write_text("mine")
    assert f"{bad}: exists already" in error_of(source, tmp_path / "out.csv")
    assert bad.read_text() == "mine"
    bad.unlink()
    succeed(source, tmp_path / "out.csv")
    assert temporary.read_text() == "mine"


@pytest.mark.parametrize("link", [".out.csv.bulk.lock", "out.csv", "out.csv_bad_lines.jsonl", "out/_job.lock"])
@pytest.mark.parametrize("there", [True, False], ids=["link", "dangling link"])
def test_links_are_not_followed_or_replaced(link: str, there: bool, tmp_path: Path) -> None:
    source, victim = write_csv(tmp_path / "in.csv", ["good"]), tmp_path / "victim"
    if there:
        victim.write_text("mine")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(victim)
    output = tmp_path / ("out" if link.startswith("out/") else "out.csv")
    for options in ((), ("--overwrite",)) if output.suffix else ((), ("--resume",)):
        assert "not a regular file" in error_of(source, output, *options)
    assert (tmp_path / link).is_symlink()
    assert victim.exists() == there
    assert not there or victim.read_text() == "mine"


FOREIGN = ("part-thesis.txt", "part-00000-c0ffee.csv", ".part-00000.csv.tmp", "part-dir/a.txt")


def test_resume_keeps_files_that_bulk_did_not_write(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["good"])
    output = tmp_path / "out"
    succeed(source, output)
    (output / "part-dir").mkdir()
    for name in FOREIGN:
        (output / name).write_text("mine")
    succeed(source, output, "--resume")
    assert [(output / name).read_text() for name in FOREIGN] == ["mine"] * len(FOREIGN)


@pytest.mark.parametrize("name", ["part-00000.csv", "part-00001.csv", "_bad_lines.jsonl", "_job.json"])
def test_job_that_has_a_link_among_its_files_is_not_resumed(name: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("review\ngood\nnot,good\n")
    output = tmp_path / "out"
    succeed(tmp_path / "in.csv", output, code=3)
    victim = tmp_path / "victim"
    victim.write_bytes((output / name).read_bytes() + b"mine" if (output / name).exists() else b"mine")
    before = victim.read_bytes()
    (output / name).unlink(missing_ok=True)
    (output / name).symlink_to(victim)
    assert "not a regular file" in error_of(tmp_path / "in.csv", output, "--resume")
    assert victim.read_bytes() == before


def test_killed_job_leaves_no_temporary_file_after_the_next(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", reviews(12_000))
    with started(command(source, tmp_path / "out.jsonl", *OPTIONS), settings()) as job:
        wait_until(lambda: any(tmp_path.glob(STARTED["out.jsonl"])))
        job.kill()
    succeed(write_jsonl(source, ["good"]), tmp_path / "out.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}
    succeed(source, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"part-00000.jsonl", "_job.json"}


STARTED = {
    "new": "new/part-00001.jsonl",
    "out.jsonl": ".out.jsonl.*.tmp",
}
"""What is there when a job has begun to write."""
