"""Every format: the input's columns stay as they are, and rows keep their order."""

import csv
import json
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bulk.jobs import error_of, parts, reviews, rows_of, run_bulk, succeed, write_csv, write_jsonl

pytestmark = pytest.mark.slow

TEXTS = reviews(40)
ADDED = ["positive_probability", "sentiment", "uncertain", "words", "known_words", "error"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_keeps_its_text_and_gets_six_columns(separator: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", TEXTS, separator)
    succeed(source, tmp_path / "out", "--part-rows", 9)
    assert len(parts(tmp_path / "out")) == 5
    lines = b"".join(part.read_bytes().split(b"\n", 1)[1] for part in parts(tmp_path / "out"))
    for line in source.read_bytes().split(b"\n", 1)[1].rstrip().split(b"\n00"):
        assert line + separator.encode() in lines
    if separator == ",":
        rows = rows_of(tmp_path / "out")
        assert list(rows[0]) == ["id", "review", "note", *ADDED]
        assert [(row["id"], row["review"]) for row in rows] == [(f"00{i}", text) for i, text in enumerate(TEXTS)]


def test_json_lines_keep_their_text_and_get_six_fields(tmp_path: Path) -> None:
    source, output = write_jsonl(tmp_path / "in.jsonl", TEXTS), tmp_path / "out.jsonl"
    succeed(source, output)
    for before, after in zip(source.read_text().splitlines(), output.read_text().splitlines(), strict=True):
        assert after.startswith(before.removesuffix("}") + ",")
        assert list(json.loads(after)) == ["id", "review", "tags", *ADDED]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_parquet_keeps_its_columns_and_types(type_: pa.DataType, tmp_path: Path) -> None:
    columns = {
        "id": pa.array(range(40), pa.int16()),
        "review": pa.array(TEXTS).cast(type_),
        "when": pa.array([datetime(2026, 1, 1)] * 40, pa.timestamp("ms")),
        "tags": pa.array([["a", None]] * 40, pa.list_(pa.string())),
    }
    before = pa.table(columns).replace_schema_metadata({"owner": "somebody"})
    pq.write_table(before, tmp_path / "in.parquet", row_group_size=7)
    succeed(tmp_path / "in.parquet", tmp_path / "out", "--part-rows", 11)
    after = pa.concat_tables(pq.read_table(part) for part in parts(tmp_path / "out"))
    assert after.select(before.column_names).equals(before)
    assert after.schema.metadata[b"owner"] == b"somebody"
    assert after.column_names == [*before.column_names, *ADDED]
    assert after.schema.field("positive_probability").type == pa.float64()
    assert after.schema.field("uncertain").type == pa.bool_()


@pytest.mark.parametrize("options", [[], ["--keep", "review"]])
def test_parquet_without_rows_has_the_columns(options: list[str], tmp_path: Path) -> None:
    schema = pa.schema([("id", pa.int16()), ("review", pa.string())], {"owner": "somebody"})
    pq.write_table(schema.empty_table(), tmp_path / "in.parquet")
    succeed(tmp_path / "in.parquet", tmp_path / "out.parquet", *options)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.num_rows == 0
    assert found.schema.names == [*(["review"] if options else ["id", "review"]), *ADDED]
    assert found.schema.metadata[b"owner"] == b"somebody"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_columns_are_chosen_and_prefixed_and_reasons_are_text_for_people(suffix: str, tmp_path: Path) -> None:
    texts = ["A superb cast, but not a good film.", " ", "zorblax"]
    source, output = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    match suffix:
        case "csv":
            write_csv(source, texts, ";")
        case "jsonl":
            write_jsonl(source, texts)
        case _:
            pq.write_table(pa.table({"id": [0, 1, 2], "more": [0, 1, 2], "review": texts}), source)
    succeed(source, output, "--explain", 2, "--prefix", "p_", "--keep", "review,id", code=3)
    rows = rows_of(output)
    if suffix == "csv":
        rows = list(csv.DictReader(output.read_text().splitlines(), delimiter=";"))
    assert list(rows[0]) == ["review", "id", *(f"p_{name}" for name in (*ADDED[:-1], "reasons", "error"))]
    assert [row["review"] for row in rows] == texts
    reasons, none, unknown = (row["p_reasons"] for row in rows)
    assert reasons == "not a good -3.1; superb +0.8"
    assert not none
    assert not unknown


def test_folder_is_scored_in_the_order_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub.csv/_temporary").mkdir(parents=True)  # as Spark writes them
    write_csv(folder / "b.csv", ["second", "third"])
    write_jsonl(folder / "a.jsonl", ["first"])
    write_csv(folder / "sub.csv/c.csv", ["fourth"])
    write_csv(folder / "sub.csv/_temporary/c.csv", ["nothing"])
    (folder / "_ignored.csv").write_text("nothing")
    (folder / "notes.txt").write_text("nothing")
    (folder / "aa.csv").write_text("review\n")
    succeed(folder, tmp_path / "out")
    assert succeed(folder, tmp_path / "out", "--resume")["run"]["rows"] == 0
    assert [part.name for part in parts(tmp_path / "out")] == ["part-00000.jsonl", "part-00001.csv", "part-00002.csv"]
    assert [row["review"] for row in rows_of(tmp_path / "out")] == ["first", "second", "third", "fourth"]
    assert not (tmp_path / "out/_bad_lines.jsonl").exists()
    succeed(f"{folder}/**/[bc].csv", tmp_path / "one.csv")
    assert [row["review"] for row in rows_of(tmp_path / "one.csv")] == ["second", "third", "nothing", "fourth"]


def test_row_without_a_review_stays_in_its_place(tmp_path: Path) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,review\n1,good\n2, \n3,bad\n")
    succeed(source, output, code=3)
    assert output.read_text().splitlines()[2] == '2, ,,,,,,"A review must contain text; this one is blank"'
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(pa.table({"text": pa.array([b"good", None, b"caf\xe9"])}), source)
    succeed(source, output, code=3)
    assert [row["error"] for row in rows_of(output)] == [None, *["Input should be a valid string"] * 2]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("in.csv", "id,body\n1,good\n", [], "no column named review or text, only 'id', 'body'; choose one with"),
        ("in.csv", "text,review\na,b\n", [], "several columns named review or text"),
        ("in.csv", "review,words\ngood,1\n", [], "a column 'words' already; choose other names with --prefix"),
        ("in.csv", "review\ngood\n", ["--keep", "id"], "--keep names the column 'id', which is not there"),
        ("in.csv", "id,id,review\n1,2,good\n", ["--keep", "id"], "--keep names the column 'id', which is there twice"),
        ("in.txt", "good", [], "no files to score"),
        ("nothing.csv", None, [], "nothing.csv: no such file"),
        ("*.csv", None, [], "*.csv: no such file"),
        ("x" * 300, None, [], ": File name too long"),
        ("in.csv", "", [], "the file is empty"),
        ("in.csv", "review\ngood\n", ["--model-version", "9"], "no version '9'"),
    ],
)  # fmt: skip
def test_job_that_cannot_be_done_says_why(
    name: str, content: str | None, options: list[str], message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    code = 1 if message.startswith(("no version", "the file is empty")) else 2
    assert message in error_of(tmp_path / name, tmp_path / "out", *options, code=code)
    assert not (tmp_path / "out").exists()


def test_single_output_needs_inputs_of_its_own_format_with_the_same_columns(tmp_path: Path) -> None:
    for name, ids in (("a", [1, 2]), ("b", ["x", "y"])):
        pq.write_table(pa.table({"id": ids, "review": ["good", "bad"]}), tmp_path / f"{name}.parquet")
    message = "a single file needs inputs of its own format with the same columns"
    assert message in error_of(f"{tmp_path}/*.parquet", tmp_path / "out.parquet")
    assert message in error_of(tmp_path / "a.parquet", tmp_path / "out.jsonl")
    succeed(f"{tmp_path}/*.parquet", tmp_path / "out")
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [1, 2, "x", "y"]


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv.gz", "out.v2"])
def test_output_of_an_unknown_format_is_no_folder(name: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", TEXTS)
    assert f"{name}: OUTPUT is a file whose name ends in .csv, .tsv, .jsonl" in error_of(source, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["out.v2", "scored-2026.12"])
def test_folder_may_have_any_name_if_it_is_there_or_looks_like_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "out.v2").mkdir()
    succeed(write_csv(tmp_path / "in.csv", TEXTS), tmp_path / name)
    assert len(rows_of(tmp_path / name)) == len(TEXTS)


def test_column_can_be_named_by_its_old_option(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("body,review\nsuperb,dull\n")
    done = run_bulk(tmp_path / "in.csv", tmp_path / "out.csv", "--text", "body")
    assert "--text is now called --text-column" in done.stderr
    assert rows_of(tmp_path / "out.csv")[0]["sentiment"] == "positive"
