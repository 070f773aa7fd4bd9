"""A job never touches its input or foreign files, and `--overwrite` replaces a file only when the new one is there."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.bulk.jobs import (
    PATIENCE,
    command,
    error_of,
    reviews,
    rows_of,
    settings,
    started,
    succeed,
    wait_until,
    write_csv,
    write_jsonl,
)
from tests.servers import ROOT

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    """The files in a folder and their contents, without locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("input_", "output"),
    [
        ("a.csv", "a.csv"),
        ("a.csv", "sub/../a.csv"),
        ("a.csv", "symbolic.csv"),
        ("symbolic.csv", "a.csv"),
        ("a.csv", "hard.csv"),
        ("*.csv", "a.csv"),
        ("", "scored.csv"),  # in the folder that is read
        ("a.jsonl_bad_lines.jsonl", "a.jsonl"),
        ("part-*.csv", ""),
        ("link.csv", "sub"),
    ],
)
def test_output_that_overlaps_with_the_input_is_rejected(input_: str, output: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_csv(tmp_path / "sub/part-00000.csv", ["good"])
    (tmp_path / "link.csv").symlink_to(tmp_path / "sub/part-00000.csv")
    for name in ("a.csv", "part-00000.csv"):
        write_csv(tmp_path / name, ["good"])
    (tmp_path / "symbolic.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "a.csv")
    write_jsonl(tmp_path / "a.jsonl_bad_lines.jsonl", ["good"])
    before = contents(tmp_path)
    if output in ("", "sub"):
        assert "choose a new folder" in error_of(f"{tmp_path}/{input_}", f"{tmp_path}/{output}")
    else:
        assert "INPUT and OUTPUT overlap" in error_of(f"{tmp_path}/{input_}", f"{tmp_path}/{output}", "--overwrite")
    assert contents(tmp_path) == before


def test_standard_output_that_is_the_input_is_rejected(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(9))
    before = source.read_bytes()
    with source.open("ab") as file:
        done = subprocess.run(command(source, "-"), cwd=ROOT, env=settings(), stdout=file, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert b"INPUT and OUTPUT overlap" in done.stderr
    assert source.read_bytes() == before


def test_output_beside_the_input_is_allowed(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", reviews(9))
    os.link(source, tmp_path / "b.csv")  # another name of the input, which is not written
    succeed(source, tmp_path / "scored.csv")
    succeed(source, tmp_path / "scored.csv", "--overwrite")
    assert len(rows_of(tmp_path / "scored.csv")) == 9


def test_existing_output_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('no JSON\n{"review": "good"}')
    for output in (tmp_path / "out", tmp_path / "out.jsonl"):
        succeed(source, output, code=3)
        assert "exists already" in error_of(source, output)
    before = contents(tmp_path)
    lines = [json.dumps({"review": "good"})] * 1000 + [json.dumps({"review": "good", "words": 1})]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    message = error_of(tmp_path / "new.jsonl", tmp_path / "out.jsonl", "--overwrite", code=1)
    assert "line 1001 has a field 'words' already; choose other names with --prefix" in message
    (tmp_path / "new.jsonl").unlink()
    assert contents(tmp_path) == before
    source.write_text('{"review": "bad"}')
    succeed(source, tmp_path / "out.jsonl", "--overwrite")
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


def test_resume_keeps_files_that_bulk_did_not_write_and_refuses_links(tmp_path: Path) -> None:
    source, output, victim = tmp_path / "in.csv", tmp_path / "out", tmp_path / "victim"
    source.write_text("review\ngood\nnot,good\n")
    succeed(source, output, code=3)
    (output / "part-dir").mkdir()
    foreign = ["part-thesis.txt", "part-00000-c0ffee.csv", ".part-00000.csv.tmp", "part-dir/a.txt"]
    for name in foreign:
        (output / name).write_text("mine")
    succeed(source, output, "--resume", code=3)
    assert [(output / name).read_text() for name in foreign] == ["mine"] * len(foreign)
    for name in ("part-00000.csv", "part-00001.csv", "_bad_lines.jsonl", "_job.json"):
        path, own = output / name, (output / name).read_bytes() if (output / name).exists() else None
        victim.write_bytes((own or b"") + b"mine")
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
        assert "not a regular file" in error_of(source, output, "--resume")
        assert victim.read_bytes() == (own or b"") + b"mine"
        path.unlink()
        if own is not None:
            path.write_bytes(own)


def test_job_that_is_stopped_or_killed_leaves_no_temporary_file_after_the_next(tmp_path: Path) -> None:
    source, output = write_jsonl(tmp_path / "in.jsonl", reviews(12_000)), tmp_path / "out.jsonl"
    for number in (signal.SIGINT, signal.SIGKILL):
        with started(command(source, output, "--workers", 2), settings()) as job:
            wait_until(lambda: any(tmp_path.glob(".out.jsonl.*.tmp")))
            job.send_signal(number)
            _, errors = job.communicate(timeout=PATIENCE)
        if number == signal.SIGINT:
            assert (job.returncode, errors) == (130, "stopped; nothing was written\n")
            assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl"}
    succeed(write_jsonl(source, ["good"]), output)
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}
    succeed(source, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"part-00000.jsonl", "_job.json"}
