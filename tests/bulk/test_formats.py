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


def write_parquet(path: Path, type_: pa.DataType | None = None) -> Path:
    table = pa.table(
        {
            "id": pa.array(range(40), pa.int16()),
            "review": pa.array(TEXTS).cast(type_ or pa.string()),
            "when": pa.array([datetime(2026, 1, 1)] * 40, pa.timestamp("ms")),
            "tags": pa.array([["a", None]] * 40, pa.list_(pa.string())),
        }
    ).replace_schema_metadata({"owner": "somebody"})
    pq.write_table(table, path, row_group_size=7)
    return path


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
    source = write_jsonl(tmp_path / "in.jsonl", TEXTS)
    succeed(source, tmp_path / "out.jsonl")
    for before, after in zip(
        source.read_text().splitlines(), (tmp_path / "out.jsonl").read_text().splitlines(), strict=True
    ):
        assert after.startswith(before.removesuffix("}") + ",")
        assert list(json.loads(after)) == ["id", "review", "tags", *ADDED]


@pytest.mark.parametrize("type_", [pa.string(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_parquet_keeps_its_columns_and_types(type_: pa.DataType, tmp_path: Path) -> None:
    source = write_parquet(tmp_path / "in.parquet", type_)
    succeed(source, tmp_path / "out", "--part-rows", 11)
    before = pq.read_table(source)
    after = pa.concat_tables(pq.read_table(part) for part in parts(tmp_path / "out"))
    assert after.select(before.column_names).equals(before)
    assert after.schema.metadata[b"owner"] == b"somebody"
    assert after.column_names == [*before.column_names, *ADDED]
    assert after.schema.field("positive_probability").type == pa.float64()
    assert after.schema.field("uncertain").type == pa.bool_()


@pytest.mark.parametrize(
    "write", [write_csv, write_jsonl, lambda path, _: write_parquet(path)], ids=["csv", "jsonl", "parquet"]
)
def test_columns_can_be_chosen_and_prefixed(write: object, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    suffix = request.node.callspec.id
    source = write(tmp_path / f"in.{suffix}", TEXTS)  # type: ignore[operator]
    output = tmp_path / f"out.{suffix}"
    succeed(source, output, "--keep", "review,id", "--prefix", "p_")
    rows = rows_of(output)
    assert list(rows[0]) == ["review", "id", *(f"p_{name}" for name in ADDED)]
    assert [row["review"] for row in rows] == TEXTS


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_reasons_are_text_for_people(suffix: str, tmp_path: Path) -> None:
    texts = ["A superb cast, but not a good film.", " ", "zorblax"]
    source, output = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    match suffix:
        case "csv":
            write_csv(source, texts, ";")
        case "jsonl":
            write_jsonl(source, texts)
        case _:
            pq.write_table(pa.table({"review": texts}), source)
    succeed(source, output, "--explain", 2, "--prefix", "p_", "--keep", "review", code=3)
    rows = rows_of(output)
    if suffix == "csv":
        rows = list(csv.DictReader(output.read_text().splitlines(), delimiter=";"))
    assert list(rows[0]) == ["review", *(f"p_{name}" for name in (*ADDED[:-1], "reasons", "error"))]
    reasons, none, unknown = (row["p_reasons"] for row in rows)
    assert reasons == "not a good -3.1; superb +0.8"
    assert not none
    assert not unknown


def test_folder_is_scored_in_the_order_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    write_csv(folder / "b.csv", ["second", "third"])
    write_jsonl(folder / "a.jsonl", ["first"])
    write_csv(folder / "sub/c.csv", ["fourth"])
    (folder / "_ignored.csv").write_text("nothing")
    (folder / "notes.txt").write_text("nothing")
    (folder / "aa.csv").write_text("review\n")
    succeed(folder, tmp_path / "out")
    assert succeed(folder, tmp_path / "out", "--resume")["run"]["rows"] == 0
    assert [part.name for part in parts(tmp_path / "out")] == ["part-00000.jsonl", "part-00001.csv", "part-00002.csv"]
    assert [row["review"] for row in rows_of(tmp_path / "out")] == ["first", "second", "third", "fourth"]
    for name in ("_ignored.csv", "aa.csv"):
        (folder / name).unlink()
    succeed(f"{folder}/**/*.csv", tmp_path / "one.csv")
    assert [row["review"] for row in rows_of(tmp_path / "one.csv")] == ["second", "third", "fourth"]


def test_row_without_a_review_stays_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,review\n1,good\n2, \n3,bad\n")
    succeed(tmp_path / "in.csv", tmp_path / "out.csv", code=3)
    assert (tmp_path / "out.csv").read_text().splitlines()[
        2
    ] == '2, ,,,,,,"A review must contain text; this one is blank"'
    pq.write_table(pa.table({"text": pa.array(["good", None, b"\xff".decode("latin-1")])}), tmp_path / "in.parquet")
    succeed(tmp_path / "in.parquet", tmp_path / "out.parquet", code=3)
    assert [row["error"] for row in rows_of(tmp_path / "out.parquet")] == [None, "Input should be a valid string", None]


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("in.csv", "id,body\n1,good\n", [], "no column named review or text, only 'id', 'body'; choose one with"),
        ("in.csv", "text,review\na,b\n", [], "several columns named review or text"),
        ("in.csv", "review,words\ngood,1\n", [], "a column 'words' already; choose other names with --prefix"),
        ("in.csv", "review\ngood\n", ["--keep", "id"], "--keep names the column 'id', which is not there"),
        ("in.txt", "good", [], "no files to score"),
        ("in.csv", "", [], "the file is empty"),
        ("in.csv", "review\ngood\n", ["--model-version", "9"], "no version '9'"),
    ],
)  # fmt: skip
def test_job_that_cannot_be_done_says_why(
    name: str, content: str, options: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    code = 1 if message.startswith(("no version", "the file is empty")) else 2
    assert message in error_of(tmp_path / name, tmp_path / "out", *options, code=code)
    assert not (tmp_path / "out").exists()


def test_output_that_does_not_fit_the_input_is_rejected(tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", TEXTS)
    assert "INPUT and OUTPUT overlap" in error_of(tmp_path, tmp_path / "out")
    assert "a single file needs inputs of its own format" in error_of(tmp_path / "in.csv", tmp_path / "out.jsonl")


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv.gz", "out.v2"])
def test_output_of_an_unknown_format_is_no_folder(name: str, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", TEXTS)
    assert f"{name}: OUTPUT is a file whose name ends in .csv, .tsv, .jsonl" in error_of(source, tmp_path / name)
    assert not (tmp_path / name).exists()
    (tmp_path / name).mkdir()
    succeed(source, tmp_path / name)
    succeed(source, tmp_path / "scored-2026.12")
    assert rows_of(tmp_path / name) == rows_of(tmp_path / "scored-2026.12")


def test_column_can_be_named_by_its_old_option(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("body,review\ngood,bad\n")
    succeed(tmp_path / "in.csv", tmp_path / "new.csv", "--text-column", "body")
    done = run_bulk(tmp_path / "in.csv", tmp_path / "old.csv", "--text", "body")
    assert "--text is now called --text-column" in done.stderr
    assert (tmp_path / "old.csv").read_text() == (tmp_path / "new.csv").read_text()


def test_field_with_the_name_of_an_added_one_ends_the_job(tmp_path: Path) -> None:
    lines = [json.dumps({"review": "good"})] * 200 + [json.dumps({"review": "good", "words": 1})]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    message = error_of(tmp_path / "in.jsonl", tmp_path / "out", code=1)
    assert "line 201 has a field 'words' already; choose other names with --prefix" in message
