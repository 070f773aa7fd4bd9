"""Damaged and odd input: what can be scored is written, the summary names the rest, and nothing is a traceback."""

import gzip
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.bulk.scoring import Scoring, score_or_error
from app.bundles.reading import Bundle
from app.records import Chunk, Layout
from tests.bulk.jobs import (
    PATIENCE,
    bad_lines,
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

pytestmark = pytest.mark.slow
TEXTS = reviews(4000)


def damage(path: Path) -> Path:
    """Write a file whose first rows can be read; gzip finds the damage too late, or at its end."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"review": TEXTS}), path, row_group_size=500, compression="none")
        content = path.read_bytes()
        path.write_bytes(content[:400_000] + bytes(50_000) + content[450_000:])
    else:
        plain = write_csv(path.with_name("plain"), TEXTS)
        path.write_bytes(gzip.compress(plain.read_bytes())[:-40_000])
        plain.unlink()
    return path


def damaged_summary(*arguments: object) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(run_bulk(*arguments, code=1).stdout)
    assert not summary["complete"]
    return summary


@pytest.mark.parametrize("name", ["in/b.csv.gz", "in/b.parquet"])
def test_damage_costs_only_the_rest_of_its_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = damage(tmp_path / name)
    write = write_csv if name.endswith("gz") else write_parquet
    suffix = ".csv" if name.endswith("gz") else ".parquet"
    write(tmp_path / f"in/a{suffix}", TEXTS[:250])
    write(tmp_path / f"in/c{suffix}", TEXTS[-250:])
    output = tmp_path / "out"
    options = ("--part-rows", 100)
    summary = damaged_summary(tmp_path / "in", output, *options)
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
    again = damaged_summary(tmp_path / "in", output, *options, "--resume")
    assert again["damaged"] == summary["damaged"]
    assert (again["rows"], again["run"]["rows"]) == (len(found), 0)
    assert {part.name: part.read_bytes() for part in parts(output)} == before
    shown = run_bulk_as_people_do(tmp_path / "in", output, *options, "--resume")
    assert f"{path}: cannot be read, or is damaged" in shown


def run_bulk_as_people_do(*arguments: object) -> str:
    """Run a job that ends with damaged files; returns its summary in words."""
    line = [word for word in command(*arguments) if word != "--json"]
    with started(line, settings()) as job:
        shown, errors = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    assert "Traceback" not in errors
    return shown


def write_parquet(path: Path, texts: list[str]) -> Path:
    pq.write_table(pa.table({"review": texts}), path)
    return path


def test_damage_in_a_single_output_file_costs_only_the_rest(tmp_path: Path) -> None:
    path = damage(tmp_path / "in.csv.gz")
    summary = damaged_summary(path, tmp_path / "out.csv")
    found = [row["review"] for row in rows_of(tmp_path / "out.csv")]
    assert len(found) == summary["rows"] > 1000
    assert found == TEXTS[: len(found)]


def test_job_that_is_killed_after_damage_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    damage(tmp_path / "in/a.csv.gz")
    write_csv(tmp_path / "in/b.csv", TEXTS * 3)
    expected, output = tmp_path / "expected", tmp_path / "out"
    options = ("--part-rows", 100, "--workers", 2)
    summary = damaged_summary(tmp_path / "in", expected, *options)
    with started(command(tmp_path / "in", output, *options), settings()) as job:
        wait_until(lambda: len(parts(output)) > len(parts(expected)) - 100)
        job.kill()
    resumed = damaged_summary(tmp_path / "in", output, *options, "--resume")
    assert resumed["damaged"] == summary["damaged"]
    assert resumed["run"]["rows"] < summary["rows"]
    assert {part.name: part.read_bytes() for part in parts(output)} == {
        part.name: part.read_bytes() for part in parts(expected)
    }


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
    write_csv(tmp_path / "in/b.csv", TEXTS[:9])
    for output in (tmp_path / "out", tmp_path / "out.csv"):
        (damaged,) = damaged_summary(tmp_path / "in", output)["damaged"]
        assert damaged["file"] == str(tmp_path / "in" / name)
        assert reason in damaged["reason"]
        assert [row["review"] for row in rows_of(output)] == TEXTS[:9]
    (tmp_path / "in/b.csv").unlink()
    assert reason in error_of(tmp_path / "in", tmp_path / "none", code=1)
    assert not (tmp_path / "none").exists()


def test_column_name_of_any_length_is_kept(tmp_path: Path) -> None:
    long = "x" * 140_000
    (tmp_path / "in.csv").write_text(f"review,{long}\ngood,1\n")
    succeed(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().startswith(f"review,{long},positive_probability")


def test_parquet_files_with_other_types_do_not_fit_one_file(tmp_path: Path) -> None:
    for name, ids in (("a", [1, 2]), ("b", ["x", "y"])):
        pq.write_table(pa.table({"id": ids, "review": ["good", "bad"]}), tmp_path / f"{name}.parquet")
    assert "the same columns" in error_of(f"{tmp_path}/*.parquet", tmp_path / "out.parquet")
    succeed(f"{tmp_path}/*.parquet", tmp_path / "out")
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [1, 2, "x", "y"]


def test_parquet_without_rows_has_the_columns(tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int16()), ("review", pa.string())], {"owner": "somebody"})
    pq.write_table(schema.empty_table(), tmp_path / "in.parquet")
    for options in ([], ["--keep", "review"]):
        succeed(tmp_path / "in.parquet", tmp_path / "out.parquet", "--overwrite", *options)
        found = pq.read_table(tmp_path / "out.parquet")
        assert found.num_rows == 0
        assert found.schema.names[-6:] == [
            "positive_probability",
            "sentiment",
            "uncertain",
            "words",
            "known_words",
            "error",
        ]
        assert found.schema.names[:-6] == (["review"] if options else ["id", "review"])
        assert found.schema.metadata[b"owner"] == b"somebody"
        assert found.schema.field("positive_probability").type == pa.float64()


def test_column_to_keep_that_is_there_twice_is_rejected(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array(["good"])], names=["id", "id", "review"])
    pq.write_table(table, tmp_path / "in.parquet")
    assert "which is there twice" in error_of(tmp_path / "in.parquet", tmp_path / "out", "--keep", "id,review")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b'{"progress": {}}', b'{"job": {}, "progress": {"parts": "many"}}'],
)
def test_damaged_state_of_a_job_is_an_error(content: bytes, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", TEXTS[:9])
    succeed(source, tmp_path / "out")
    (tmp_path / "out/_job.json").write_bytes(content)
    message = error_of(source, tmp_path / "out", "--resume")
    assert "_job.json: it is damaged" in message
    assert "start over in a new folder" in message


@pytest.mark.parametrize(("name", "content"), [("part-00001.csv", None), ("_bad_lines.jsonl", "{}\n")])
def test_resume_rejects_output_that_is_missing_or_cut_off(name: str, content: str | None, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("review\ngood\nnot,good\nbad\nfine\n")
    succeed(tmp_path / "in.csv", tmp_path / "out", "--part-rows", 1, code=3)
    path = tmp_path / "out" / name
    path.unlink()
    if content is not None:
        path.write_text(content)
    message = error_of(tmp_path / "in.csv", tmp_path / "out", "--part-rows", 1, "--resume")
    assert f"{path.with_suffix('') if content is None else path}: it is missing or cut off" in message
    assert "start over in a new folder" in message
    assert path.exists() == (content is not None)
    assert content is None or path.read_text() == content


@pytest.mark.parametrize("output", ["out", "out.csv"])
def test_name_that_is_not_utf8_is_escaped(output: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good, bad = (tmp_path / "in" / os.fsdecode(name) for name in (b"caf\xe9.csv", b"\xe9.csv"))
    good.write_text("review\ngood\nnot,good\n")
    bad.write_text("")
    summary = damaged_summary(tmp_path / "in", tmp_path / output)
    assert (summary["rows"], summary["bad_lines"]) == (1, 1)
    assert summary["damaged"][0]["file"].endswith("/in/\\xe9.csv")
    shown = run_bulk_as_people_do(tmp_path / "in", tmp_path / f"again-{output}")
    assert "\\xe9.csv: the file is empty" in shown


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-200_000, os.SEEK_END)
        file.write(b"x" * 100_000)


@pytest.mark.parametrize("change", [shrink, rewrite])
@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_input_that_changes_while_it_is_scored_fails_the_job(
    change: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "in.csv", TEXTS * 6)
    output = tmp_path / name
    with started(command(source, output, "--part-rows", 100, "--workers", 2), settings()) as job:
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
        assert "another inputs" in error_of(source, output, "--part-rows", 100, "--resume")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nothing.csv", "no such file"), ("*.csv", "no such file"), ("x" * 300, "File name too long")],
)
def test_missing_input_is_no_such_file(name: str, message: str, tmp_path: Path) -> None:
    assert f": {message}" in error_of(tmp_path / name, tmp_path / "out")


def test_folder_with_the_name_of_a_file_is_a_folder(tmp_path: Path) -> None:
    """As Spark writes them."""
    (tmp_path / "in/a.csv/_temporary").mkdir(parents=True)
    write_csv(tmp_path / "in/a.csv/part-0.csv", TEXTS[:9])
    write_csv(tmp_path / "in/a.csv/_temporary/part-0.csv", TEXTS[:9])
    succeed(tmp_path / "in", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 9
    assert not bad_lines(tmp_path / "out")


def test_bundle_that_was_replaced_since_the_job_began_is_an_error(bundle: Bundle) -> None:
    scoring = Scoring(bundle.folder, "0" * 64, "numpy", None, "", 1000, 0)
    error = score_or_error(scoring, "review", Chunk(Layout("jsonl", ("review",)), 0, []))
    assert "it has been replaced" in str(error)
