"""Damaged and odd input: what can be scored is written, the summary names the rest, and nothing is a traceback."""

import gzip
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.bulk.scoring import Scoring, score_or_error
from app.records import Chunk, Layout
from tests.bulk.jobs import (
    PATIENCE,
    command,
    error_of,
    parts,
    reviews,
    rows_of,
    run_bulk,
    settings,
    started,
    succeed,
    wait_until,
    write_csv,
)
from tests.models import MODELS, NEWEST

pytestmark = pytest.mark.slow
TEXTS = reviews(1500)


def write(path: Path, texts: list[str]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"review": texts}), path, row_group_size=600, compression="none")
        return path
    return write_csv(path, texts)


def damage(path: Path) -> None:
    """Damage a file after its first rows: gzip finds that too late, or at its end."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content)[:-20_000])
    else:
        path.write_bytes(content[:200_000] + bytes(50_000) + content[250_000:])


@pytest.mark.parametrize(("name", "suffix"), [("in/b.csv.gz", ".csv"), ("in/b.parquet", ".parquet")])
def test_damage_costs_only_the_rest_of_its_file(name: str, suffix: str, tmp_path: Path) -> None:
    source, path, output = tmp_path / "in", tmp_path / name, tmp_path / "out"
    source.mkdir()
    damage(write(path, TEXTS))
    write(source / f"a{suffix}", TEXTS[:250])
    write(source / f"c{suffix}", TEXTS[-250:])
    options = ("--part-rows", 100)
    summary = succeed(source, output, *options, code=1)
    (damaged,) = summary["damaged"]
    assert damaged["file"] == str(path)
    assert "cannot be read, or is damaged" in damaged["reason"]
    found = [row["review"] for row in rows_of(output)]
    assert found[:250] == TEXTS[:250]
    assert found[-250:] == TEXTS[-250:]
    scored = found[250:-250]
    assert len(scored) > 200
    assert scored == TEXTS[: len(scored)]
    assert summary["rows"] == len(found)
    before = {part.name: part.read_bytes() for part in parts(output)}
    again = succeed(source, output, *options, "--resume", code=1)
    assert again["damaged"] == summary["damaged"]
    assert (again["rows"], again["run"]["rows"]) == (len(found), 0)
    assert {part.name: part.read_bytes() for part in parts(output)} == before
    shown = run_bulk(source, output, *options, "--resume", code=1).stdout
    assert f"not scored to its end: {path}: cannot be read, or is damaged" in shown


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("a.csv", b"", "the file is empty"), ("a.parquet", b"PAR1", "damaged")],
    ids=["empty", "cut off"],
)
def test_file_without_a_readable_beginning_does_not_affect_the_others(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    assert reason in error_of(tmp_path / "in", tmp_path / "none", code=1)
    assert not (tmp_path / "none").exists()
    write_csv(tmp_path / "in/b.csv", TEXTS[:9])
    for output in (tmp_path / "out", tmp_path / "out.csv"):
        (damaged,) = succeed(tmp_path / "in", output, code=1)["damaged"]
        assert damaged["file"] == str(tmp_path / "in" / name)
        assert reason in damaged["reason"]
        assert [row["review"] for row in rows_of(output)] == TEXTS[:9]


def test_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    good, bad = (tmp_path / "in" / os.fsdecode(name) for name in (b"caf\xe9.csv", b"\xe9.csv"))
    good.parent.mkdir()
    good.write_text("review\ngood\nnot,good\n")
    bad.write_text("")
    shown = run_bulk(tmp_path / "in", tmp_path / "out.csv", code=1).stdout
    assert "\\xe9.csv: the file is empty" in shown
    summary = succeed(tmp_path / "in", tmp_path / "out", code=1)
    assert (summary["rows"], summary["bad_lines"]) == (1, 1)
    assert summary["damaged"][0]["file"].endswith("/in/\\xe9.csv")


def test_resume_rejects_a_state_or_output_that_is_damaged(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out"
    source.write_text("review\ngood\nnot,good\nbad\nfine\n")
    succeed(source, output, "--part-rows", 1, code=3)
    whole = {path: path.read_bytes() for path in output.iterdir()}
    states = [b"", b"[]", b"\xff", b'{"progress": {}}', b'{"job": {}, "progress": {"parts": "many"}}']
    cases = [("_job.json", state, "_job.json: it is damaged") for state in states]
    cases.append(("_bad_lines.jsonl", b"{}\n", "_bad_lines.jsonl: it is missing or cut off"))
    for name, content, message in cases:
        (output / name).write_bytes(content)
        shown = error_of(source, output, "--part-rows", 1, "--resume")
        assert f"{message}; start over in a new folder" in shown
        assert (output / name).read_bytes() == content
        (output / name).write_bytes(whole[output / name])
    (output / "part-00001.csv").unlink()
    assert "part-00001: it is missing or cut off" in error_of(source, output, "--part-rows", 1, "--resume")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-200_000, os.SEEK_END)
        file.write(b"x" * 100_000)


@pytest.mark.parametrize(("name", "change"), [("out", rewrite), ("out.csv", shrink)])
def test_input_that_changes_while_it_is_scored_fails_the_job(
    name: str, change: Callable[[Path], None], tmp_path: Path
) -> None:
    source, output = write_csv(tmp_path / "in.csv", TEXTS * 16), tmp_path / name
    options = ("--part-rows", 100, "--workers", 2)
    with started(command(source, output, *options), settings()) as job:
        wait_until(lambda: len(parts(output)) >= 2 or any(tmp_path.glob(".out.csv.*.tmp")))
        job.send_signal(signal.SIGSTOP)
        change(source)
        job.send_signal(signal.SIGCONT)
        shown, errors = job.communicate(timeout=PATIENCE)
    assert (job.returncode, shown) == (1, "")
    assert f"{source}: it changed while it was being scored" in errors
    assert "Traceback" not in errors
    if name == "out.csv":
        assert not output.exists()
    else:
        assert not json.loads((output / "_job.json").read_text())["progress"]["complete"]
        assert "another inputs" in error_of(source, output, *options, "--resume")


def test_bundle_that_was_replaced_since_the_job_began_is_an_error() -> None:
    scoring = Scoring(MODELS / NEWEST, "0" * 64, "numpy", None, "", 1000, 0)
    error = score_or_error(scoring, "review", Chunk(Layout("jsonl", ("review",)), 0, []))
    assert "it has been replaced" in str(error)
