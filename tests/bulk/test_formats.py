"""Every format in, every format out: nothing of a row changes, and each row says where it comes from."""

import bz2
import csv
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.jobs import bad, numbers, parts, refused, reviews, scored, settings, succeed, write_csv, write_jsonl
from tests.servers import ROOT

TEXTS = reviews(40)
ADDED = ["positive_probability", "sentiment", "words", "known_words", "source_file", "source_row"]


def write_parquet(path: Path, kind: pa.DataType | None = None) -> Path:
    table = pa.table(
        {
            "id": pa.array(range(40), pa.int16()),
            "review": pa.array(TEXTS).cast(kind or pa.string()),
            "when": pa.array([datetime(2026, 1, 1)] * 40, pa.timestamp("ms")),
            "tags": pa.array([["a", None]] * 40, pa.list_(pa.string())),
        }
    ).replace_schema_metadata({"owner": "somebody"})
    pq.write_table(table, path, row_group_size=7)
    return path


def compressed(path: Path) -> None:
    """Compress a file as its name says."""
    content = path.read_bytes()
    if path.suffix == ".bz2":
        path.write_bytes(bz2.compress(content))
    else:
        with pa.output_stream(str(path), compression="zstd") as stream:
            stream.write(content)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.bz2", "a.CSV.zst"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_csv_rows_stay_as_they_are(name: str, end: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / name, TEXTS, end)
    before = path
    if path.suffix in (".bz2", ".zst"):
        compressed(path)
    elif path.suffix == ".gz":
        before = write_csv(tmp_path / "b.csv", TEXTS, end)
    summary = succeed(path, tmp_path / "out", "--chunk-rows", 9)
    assert len(parts(tmp_path / "out")) == 5
    rows = scored(tmp_path / "out")
    assert [row["review"] for row in rows] == TEXTS
    assert [(row["id"], row["note"]) for row in rows] == [(f"id-{i}", f"note, {i}") for i in range(40)]
    assert numbers(rows) == [(name, i) for i in range(40)]
    assert summary["files"][0]["parts"] == [part.name for part in parts(tmp_path / "out")]
    if before.suffix == ".csv":
        lines = b"".join(part.read_bytes() for part in parts(tmp_path / "out"))
        assert f"id-3,{csv_field(TEXTS[3])},".encode() in lines


def csv_field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n') else text


def test_csv_with_a_byte_order_mark_blank_lines_and_no_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes('\ufeff"review"\n\nA good film\n\r\n"Two\n\nlines"\nBad'.encode())
    succeed(tmp_path / "a.csv", tmp_path / "out", "--chunk-rows", 1)
    assert [row["review"] for row in scored(tmp_path / "out")] == ["A good film", "Two\n\nlines", "Bad"]


def test_byte_order_mark_before_a_blank_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("\ufeff\r\nid,review\n1,good\n".encode())
    (tmp_path / "b.jsonl").write_bytes('\ufeff\n{"id": 1, "review": "good"}\n'.encode())
    for name in ("a.csv", "b.jsonl"):
        succeed(tmp_path / name, tmp_path / f"out-{name}")
        assert numbers(scored(tmp_path / f"out-{name}")) == [(name, 0)]


def test_jsonl_rows_stay_byte_by_byte(tmp_path: Path) -> None:
    lines = ['{"n": 1.50, "big": 123456789012345678901234567890, "review": "good \\u00e9"}', ' { "review" : "bad" } ']
    (tmp_path / "a.jsonl").write_text("\n\n".join(lines))
    succeed(tmp_path / "a.jsonl", tmp_path / "out")
    written = b"".join(part.read_bytes() for part in parts(tmp_path / "out")).decode().splitlines()
    for line, out in zip(lines, written, strict=True):
        assert out.startswith(line.strip().removesuffix("}").rstrip() + ", ")
        assert list(json.loads(out))[-6:] == ADDED


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_parquet_columns_keep_their_types(kind: pa.DataType, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", kind)
    summary = succeed(path, tmp_path / "out", "--chunk-rows", 9)
    assert len(parts(tmp_path / "out")) > 3
    before = pq.read_table(path)
    after = pa.concat_tables(pq.read_table(part) for part in parts(tmp_path / "out"))
    assert after.select(before.column_names).equals(before)
    assert after.column_names == [*before.column_names, *ADDED]
    assert after.schema.field("positive_probability").type == pa.float64()
    assert after.column("source_row").to_pylist() == list(range(40))
    metadata = pq.read_schema(parts(tmp_path / "out")[0]).metadata
    assert metadata[b"owner"] == b"somebody"
    assert metadata[b"sentiment.digest"].decode() == summary["model"]["digest"]


@pytest.mark.parametrize("rows", [3, 1000])
def test_parquet_row_groups_larger_and_smaller_than_chunks(rows: int, tmp_path: Path) -> None:
    texts = reviews(3000)
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=rows)
    succeed(tmp_path / "a.parquet", tmp_path / "out", "--chunk-rows", 130)
    assert [row["text"] for row in scored(tmp_path / "out")] == texts
    assert max(pq.read_metadata(part).num_rows for part in parts(tmp_path / "out")) <= 130


@pytest.mark.parametrize("to", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_any_format_becomes_any_other(name: str, to: str, tmp_path: Path) -> None:
    write = {"a.csv": write_csv, "a.jsonl": write_jsonl}.get(name)
    path = write(tmp_path / name, TEXTS) if write else write_parquet(tmp_path / name)
    succeed(path, tmp_path / "as-is")
    succeed(path, tmp_path / "out", "--format", to)
    succeed(path, tmp_path / "few", "--format", to, "--keep", "id")
    succeed(path, tmp_path / "none", "--format", to, "--keep", "")
    assert {part.suffix for part in parts(tmp_path / "out")} == {f".{to}"}
    expected, rows, few = (scored(tmp_path / folder) for folder in ("as-is", "out", "few"))
    assert [row["review"] for row in rows] == TEXTS
    assert list(rows[0]) == list(expected[0])
    assert [str(row["id"]) for row in rows] == [str(row["id"]) for row in expected]
    assert list(few[0]) == ["id", *ADDED]
    assert list(scored(tmp_path / "none")[0]) == ADDED
    for name_ in ADDED:
        assert [row[name_] for row in rows] == [row[name_] for row in expected] == [row[name_] for row in few]


def test_folder_is_scored_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/_old").mkdir()
    write_jsonl(tmp_path / "in/sub/b.ndjson", TEXTS[:5])
    write_csv(tmp_path / "in/a.csv", TEXTS[:3])
    write_parquet(tmp_path / "in/sub/c.parquet")
    for name in ("_old/x.csv", ".hidden.csv", "notes.txt"):
        (tmp_path / "in" / name).write_text("nothing")
    (tmp_path / "in/sub/empty.jsonl").write_text("")
    (tmp_path / "in/sub/empty.csv").write_text("")
    summary = succeed(tmp_path / "in", tmp_path / "out")
    places = numbers(scored(tmp_path / "out"))
    assert sorted(places) == sorted(
        [("a.csv", i) for i in range(3)]
        + [("sub/b.ndjson", i) for i in range(5)]
        + [("sub/c.parquet", i) for i in range(40)]
    )
    assert {file["file"]: file["scored"] for file in summary["files"] if file["rows"]} == {
        "a.csv": 3,
        "sub/b.ndjson": 5,
        "sub/c.parquet": 40,
    }


def test_column_of_the_same_name_needs_a_prefix(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review,sentiment\nA good film,positive\n")
    said = refused(tmp_path / "a.csv", tmp_path / "out")
    assert "'sentiment'" in said
    assert "--prefix predicted_" in said
    succeed(tmp_path / "a.csv", tmp_path / "out", "--prefix", "predicted_")
    (row,) = scored(tmp_path / "out")
    assert list(row) == ["review", "sentiment", *(f"predicted_{name}" for name in ADDED)]


def test_wrong_column_lists_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,body\n1,good\n")
    (tmp_path / "b.jsonl").write_text('{"id": 1, "body": "good"}\n')
    for name in ("a.csv", "b.jsonl"):
        assert "It has 'id', 'body'; name that of the reviews with --text" in refused(tmp_path / name, tmp_path / "out")
        assert "no column 'x'" in refused(tmp_path / name, tmp_path / "out", "--text", "x")
        succeed(tmp_path / name, tmp_path / f"out-{name}", "--text", "body")
    assert "no column 'x' to keep" in refused(tmp_path / "a.csv", tmp_path / "out", "--text", "body", "--keep", "x")
    pq.write_table(pa.table({"review": [1, 2]}), tmp_path / "c.parquet")
    assert "'review' holds int64, not text" in refused(tmp_path / "c.parquet", tmp_path / "out")


def test_only_columns_that_are_used_need_names_of_their_own(tmp_path: Path) -> None:
    """Spreadsheets export columns without a name."""
    (tmp_path / "a.csv").write_text(",,review\n1,2,good\n3,4,\n")
    columns = [pa.array([1, 2]), pa.array([3, 4]), pa.array(["good", ""])]
    pq.write_table(pa.Table.from_arrays(columns, ["", "", "review"]), tmp_path / "b.parquet")
    for name in ("a.csv", "b.parquet"):
        said = refused(tmp_path / name, tmp_path / "out")
        assert "same name ''" in said
        assert "--keep" in said
        assert "same name ''" in refused(tmp_path / name, tmp_path / "out", "--keep", "review,")
        succeed(tmp_path / name, tmp_path / f"out-{name}", "--keep", "review", code=3)
        assert [row["review"] for row in scored(tmp_path / f"out-{name}")] == ["good"]
    assert bad(tmp_path / "out-b.parquet")[0]["columns"] == {"": 2, " (column 2)": 4, "review": ""}
    (tmp_path / "c.csv").write_text("review,review\ngood,bad\n")
    assert "same name 'review'. Rename" in refused(tmp_path / "c.csv", tmp_path / "out", "--keep", "")


def test_field_to_keep_that_no_row_of_json_has(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_jsonl(tmp_path / "in/a.jsonl", TEXTS[:3])
    assert "no field 'typo' to keep" in refused(tmp_path / "in", tmp_path / "out", "--keep", "id,typo")
    (tmp_path / "in/b.jsonl").write_text('{"review": "good"}\n{"review": "bad", "typo": 1}\n')
    succeed(tmp_path / "in", tmp_path / "out", "--keep", "id,typo")
    assert [(row["id"], row["typo"]) for row in scored(tmp_path / "out")][2:] == [(2, None), (None, None), (None, 1)]


def test_rows_of_json_that_are_not_alike(tmp_path: Path) -> None:
    """Nothing is lost: what a table has no column for makes the row a bad one."""
    alike = [f'{{"review": "good", "n": {i}}}\n' for i in range(100)]
    other = ['{"review": "good", "new": 1}\n', '{"review": "good", "words": 1}\n', '{"review": "bad"}\n']
    (tmp_path / "a.jsonl").write_text("".join([*alike, *other]))
    succeed(tmp_path / "a.jsonl", tmp_path / "table", "--format", "parquet", code=3)
    assert [row["row"] for row in bad(tmp_path / "table")] == [100, 101]
    assert scored(tmp_path / "table")[-1]["n"] is None
    succeed(tmp_path / "a.jsonl", tmp_path / "lines", code=3)
    (row,) = bad(tmp_path / "lines")
    assert "'words'" in row["reason"]
    succeed(tmp_path / "a.jsonl", tmp_path / "prefixed", "--prefix", "p_")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing", "out"], "No such file"),
        (["empty", "out"], "no file to score"),
        (["a.txt", "out"], "its name has to end in"),
        (["in", "in/out"], "lies in INPUT"),
        (["in", "full"], "not empty"),
        (["in", "out", "--keep", "id,note,id"], "'id' is named twice"),
        (["in", "out", "--ray", "127.0.0.1:1"], "ray"),
        (["in", "out", "--model-version", "77"], "no version"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_command_that_cannot_work_says_why(arguments: list[str], said: str, tmp_path: Path) -> None:
    for folder in ("empty", "in", "full"):
        (tmp_path / folder).mkdir()
    write_csv(tmp_path / "in/a.csv", TEXTS[:2])
    (tmp_path / "a.txt").write_text("good")
    (tmp_path / "full/mine").write_text("keep me")
    paths = [tmp_path / argument for argument in arguments[:2]]
    code = 1 if "--model-version" in arguments else 2
    assert said in refused(*paths, *arguments[2:], code=code)
    assert (tmp_path / "full/mine").read_text() == "keep me"
    assert not (tmp_path / "out/_manifest.json").exists()


def test_without_pyarrow_csv_and_jsonl_work_and_parquet_says_what_to_install(tmp_path: Path) -> None:
    """As in the container, whose image does not have it."""

    def run(path: Path) -> subprocess.CompletedProcess[str]:
        code = f"import sys, runpy; sys.modules.update(pyarrow=None); sys.argv[1:] = {arguments(path)!r}; "
        code += "runpy.run_module('app.bulk', run_name='__main__', alter_sys=False)"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, cwd=ROOT, env=settings(), capture_output=True, text=True, timeout=60)

    def arguments(path: Path) -> list[str]:
        return [str(path), str(tmp_path / f"out-{path.name}"), "--workers", "1"]

    done = run(write_csv(tmp_path / "a.csv.gz", TEXTS))
    assert done.returncode == 0, done.stderr
    assert "40 rows: 40 scored" in done.stdout
    done = run(write_parquet(tmp_path / "a.parquet"))
    assert done.returncode == 2
    assert "pip install -r requirements/bulk.txt" in done.stderr


def test_help_teaches(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.bulk", "--help"], cwd=ROOT, env=settings(), capture_output=True, text=True
    )
    assert done.returncode == 0
    for word in ("--ray", "examples:", "exit codes:", "python -m app.bulk reviews.csv scored"):
        assert word in done.stdout


def summary_of(path: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((path / "_manifest.json").read_text())
    return manifest


def test_manifest_says_what_was_done(tmp_path: Path) -> None:
    summary = succeed(write_csv(tmp_path / "a.csv", TEXTS), tmp_path / "out")
    manifest = summary_of(tmp_path / "out")
    assert manifest == {name: value for name, value in summary.items() if name != "run"}
    assert manifest["rows"] == {"rows": 40, "scored": 40, "bad": 0, "unread": 0}
    bundle = json.loads((ROOT / "models/imdb/2/manifest.json").read_text())
    assert (manifest["model"]["name"], manifest["model"]["version"]) == (bundle["name"], bundle["version"])
    assert summary["run"]["reviews_a_second"] > 0
    with (parts(tmp_path / "out")[0]).open(newline="") as file:
        assert next(csv.reader(file))[-6:] == manifest["columns"]["added"]
