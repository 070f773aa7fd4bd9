"""`--overwrite` replaces the old output only when the new one is there."""

import json
import signal
from functools import partial
from pathlib import Path

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
    write_jsonl,
)

pytestmark = pytest.mark.slow
OPTIONS = ("--part-rows", 100, "--workers", 2)


def files_in(output: Path) -> dict[str, bytes]:
    """The output's files, without the lock."""
    return {path.name: path.read_bytes() for path in output.iterdir() if path.is_file() and path.suffix != ".lock"}


@pytest.fixture
def old(tmp_path: Path) -> dict[str, bytes]:
    """Output with a bad line, in parts and in a file."""
    (tmp_path / "old.jsonl").write_text("no JSON\n" + json.dumps({"review": "good"}))
    for name in ("out", "out.jsonl"):
        succeed(tmp_path / "old.jsonl", tmp_path / name, code=3)
    (tmp_path / "out/notes.txt").write_text("not of the job")
    return files_in(tmp_path / "out")


def test_failed_job_leaves_the_old_output(old: dict[str, bytes], tmp_path: Path) -> None:
    lines = [json.dumps({"review": "good"})] * 2000 + [json.dumps({"review": "good", "words": 1})]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    before = files_in(tmp_path)
    for name in ("out", "out.jsonl"):
        assert "has a field 'words' already" in error_of(
            tmp_path / "new.jsonl", tmp_path / name, *OPTIONS, "--overwrite", code=1
        )
    assert files_in(tmp_path) == before
    assert files_in(tmp_path / "out") == old
    assert "a job with another" in error_of(tmp_path / "old.jsonl", tmp_path / "out", *OPTIONS, "--resume")


def test_killed_job_leaves_the_old_output_and_is_resumed(old: dict[str, bytes], tmp_path: Path) -> None:
    source = write_csv(tmp_path / "new.csv", reviews(12_000))
    output, expected = tmp_path / "out", tmp_path / "expected"
    succeed(source, expected, *OPTIONS)
    option = "--overwrite"
    for count in (0, 3, 20):
        with started(command(source, output, *OPTIONS, option), settings()) as job:
            wait_until(partial(lambda count: len(list(output.rglob("part-*"))) > count + len(parts(output)), count))
            job.kill()
        assert files_in(output) == old
        option = "--resume"
    assert "exists already" in error_of(source, output, *OPTIONS)
    summary = succeed(source, output, *OPTIONS, "--resume")
    assert 0 < summary["run"]["rows"] < 12_000
    assert files_in(output) == files_in(expected) | {"notes.txt": b"not of the job"}
    assert {path.name for path in output.iterdir() if path.is_dir()} == set()
    assert succeed(source, output, *OPTIONS, "--resume")["run"]["rows"] == 0


@pytest.mark.parametrize(("moved", "option"), [(0, "--resume"), (1, "--resume"), (2, "--resume"), (2, "--overwrite")])
def test_job_that_is_killed_while_it_replaces_the_output_is_finished(
    moved: int, option: str, old: dict[str, bytes], tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "new.csv", reviews(500))
    output, expected = tmp_path / "out", tmp_path / "expected"
    succeed(source, expected, *OPTIONS)
    expected.rename(output / "_new")
    (output / "_new/_job.lock").unlink()
    (output / "part-00000.jsonl").unlink()  # half of the old output is deleted
    if moved:
        for name in ("_job.json", "_bad_lines.jsonl"):
            (output / name).unlink()
        (output / "_new").rename(output / "_ready")
    for number in range(moved - 1):
        (output / f"_ready/part-0000{number}.csv").rename(output / f"part-0000{number}.csv")
    summary = succeed(source, output, *OPTIONS, option)
    assert (summary["run"]["rows"], summary["rows"]) == (0 if option == "--resume" else 500, 500)
    assert [part.name for part in parts(output)] == [f"part-0000{number}.csv" for number in range(5)]
    assert [row["review"] for row in rows_of(output)] == reviews(500)
    assert {path.name for path in output.iterdir()} == {
        *(part.name for part in parts(output)),
        "_job.json",
        "_job.lock",
        "notes.txt",
    }


def test_new_output_replaces_bad_lines(old: dict[str, bytes], tmp_path: Path) -> None:
    source = write_csv(tmp_path / "new.csv", reviews(9))
    bad = tmp_path / "out2.csv_bad_lines.jsonl"
    (tmp_path / "bad.csv").write_text("review\ngood\nnot,good\n")
    succeed(tmp_path / "bad.csv", tmp_path / "out2.csv", code=3)
    assert len(bad.read_text().splitlines()) == 1
    succeed(tmp_path / "bad.csv", tmp_path / "out2.csv", "--overwrite", code=3)
    assert len(bad.read_text().splitlines()) == 1
    succeed(source, tmp_path / "out2.csv", "--overwrite")
    assert not bad.exists()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("out", "--overwrite"), "to continue, run the same command with --resume instead of --overwrite"),
        (("new",), "to continue, run the same command with --resume\n"),
        (("out.jsonl", "--overwrite"), "nothing was written"),
    ],
    ids=["overwrite", "parts", "file"],
)
def test_stopped_job_says_how_to_continue(
    arguments: tuple[str, ...], advice: str, old: dict[str, bytes], tmp_path: Path
) -> None:
    output, *options = arguments
    source = write_jsonl(tmp_path / "in.jsonl", reviews(12_000))
    with started(command(source, tmp_path / output, *OPTIONS, *options), settings()) as job:
        wait_until(lambda: any(tmp_path.glob(STARTED[output])))
        job.send_signal(signal.SIGINT)
        _, errors = job.communicate(timeout=PATIENCE)
    assert job.returncode == 130
    assert errors.startswith("stopped; ")
    assert advice in errors
    if output != "new":
        assert files_in(tmp_path / "out") == old


FOREIGN = ("part-thesis.txt", "part-00000-c0ffee.csv", ".part-00000.csv.tmp", "part-dir/a.txt")


def test_overwrite_keeps_files_that_bulk_did_not_write(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["good"])
    output = tmp_path / "out"
    succeed(source, output)
    (output / "part-dir").mkdir()
    for name in FOREIGN:
        (output / name).write_text("mine")
    succeed(source, output, "--overwrite")
    assert [(output / name).read_text() for name in FOREIGN] == ["mine"] * len(FOREIGN)


@pytest.mark.parametrize("name", ["out/part-00000.csv", "out/_new/a.txt", "out/_ready/a.txt", "out/part-00000.csv/a"])
def test_overwrite_rejects_foreign_files_in_its_way(name: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", ["good"])
    foreign = tmp_path / name
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    assert "move it away" in error_of(source, tmp_path / "out", "--overwrite")
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


@pytest.mark.parametrize("link", [".out.csv.lock", "out.csv", "out.csv_bad_lines.jsonl", "out/_job.lock"])
@pytest.mark.parametrize("there", [True, False], ids=["link", "dangling link"])
def test_links_are_not_followed_or_replaced(link: str, there: bool, tmp_path: Path) -> None:
    source, victim = write_csv(tmp_path / "in.csv", ["good"]), tmp_path / "victim"
    if there:
        victim.write_text("mine")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(victim)
    output = tmp_path / ("out" if link.startswith("out/") else "out.csv")
    for options in ((), ("--overwrite",)):
        assert "not a regular file" in error_of(source, output, *options)
    assert (tmp_path / link).is_symlink()
    assert victim.exists() == there
    assert not there or victim.read_text() == "mine"


def test_killed_job_leaves_no_temporary_file_after_the_next(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "in.jsonl", reviews(12_000))
    with started(command(source, tmp_path / "out.jsonl", *OPTIONS), settings()) as job:
        wait_until(lambda: any(tmp_path.glob(STARTED["out.jsonl"])))
        job.kill()
    succeed(write_jsonl(source, ["good"]), tmp_path / "out.jsonl")
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


STARTED = {
    "out": "out/_new/part-00001.jsonl",
    "new": "new/part-00001.jsonl",
    "out.jsonl": ".out.jsonl.*.tmp",
}
"""What is there when a job has begun to write."""
