"""Rows that nobody can read hide no others: each row of the input is in the output or in the side file, once."""

import gzip
import json
import random
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.bulk.local import run_locally
from app.bulk.output import locked
from app.bulk.progress import Report
from app.bulk.run import make_plan, run
from app.bulk.sources import LOOKED_AT
from tests.bulk.jobs import bad, job_of, numbers, reviews, run_bulk, scored, succeed, write_csv, write_jsonl
from tests.bulk.test_formats import compressed

TEXTS = reviews(600)


def test_malformed_rows_of_csv_go_to_the_side_file_as_they_are(tmp_path: Path) -> None:
    rows = [
        b'1,"good"\n',
        b"2,too,many\n",
        b"few\n",
        b'4,"open\n',
        b'5,"closed" late\n',
        b"6,caf\xe9\n",
        b"7,\n",
        b"8,bad\n",
    ]
    (tmp_path / "a.csv").write_bytes(b"id,review\n" + b"".join(rows))
    succeed(tmp_path / "a.csv", tmp_path / "out", "--chunk-rows", 3, code=3)
    assert [row["source_row"] for row in scored(tmp_path / "out")] == [0, 7]
    found = bad(tmp_path / "out")
    assert [row["row"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert [row["line"] for row in found] == [3, 4, 5, 6, 7, 8]
    reasons = ["2 fields expected", "2 fields expected", "malformed CSV", "malformed CSV", "not UTF-8", "A review must"]
    assert [row["reason"][: len(reason)] for row, reason in zip(found, reasons, strict=True)] == reasons
    assert [row.get("raw") for row in found] == ["2,too,many", "few", '4,"open', '5,"closed" late', None, "7,"]


def test_bad_values_of_parquet_go_to_the_side_file(tmp_path: Path) -> None:
    values = [b"good", None, b"caf\xe9", b" ", b"a" * 60_000, b"bad"]
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary()):
        column = pa.array(values, pa.binary())
        if kind != pa.binary():
            column = (
                pa.array(values, pa.large_binary()).cast(pa.large_string(), safe=False).cast(kind, safe=False)
                if (kind == pa.string_view())
                else pa.Array.from_buffers(pa.string(), len(values), column.buffers()).cast(kind, safe=False)
            )
        path = tmp_path / f"{kind}.parquet"
        pq.write_table(pa.table({"review": column, "id": [[i] for i in range(6)]}), path)
        out = tmp_path / f"out-{kind}"
        succeed(path, out, code=3)
        assert [(row["id"], row["source_row"]) for row in scored(out)] == [([0], 0), ([5], 5)]
        assert [row["row"] for row in bad(out)] == [1, 2, 3, 4]
        assert [row["columns"]["id"] for row in bad(out)] == [[1], [2], [3], [4]]
        assert bad(out)[0]["reason"] == "Input should be a valid string"


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_truncated_file_is_scored_up_to_the_damage(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    texts = reviews(5000)  # zstandard decodes no less than 128 kB at a time
    path = write_csv(folder / f"a.csv{suffix}", texts)
    if suffix == ".zst":
        compressed(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    write_jsonl(folder / "b.jsonl", TEXTS[:9])
    summary = succeed(folder, tmp_path / "out", "--chunk-rows", 400, code=4)
    rows = scored(tmp_path / "out")
    count = summary["files"][0]["scored"]
    assert 400 < count < 4500
    assert numbers(rows) == [(path.name, i) for i in range(count)] + [("b.jsonl", i) for i in range(9)]
    assert [row["review"] for row in rows[:count]] == texts[:count]
    (item,) = bad(tmp_path / "out")
    assert (item["file"], item["row"], item["rows"]) == (path.name, count, None)
    assert "cannot be read from here on" in item["reason"]


def whole_lines(path: Path) -> list[bytes]:
    """Those of a .gz file that was cut off, as zcat gives them."""
    decoder = zlib.decompressobj(wbits=31)
    return decoder.decompress(path.read_bytes()).split(b"\n")[:-1]


@pytest.mark.parametrize("size", [20_000, 120_000], ids=["in the first rows", "behind them"])
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_all_rows_before_the_end_of_a_truncated_gzip_are_scored(name: str, size: int, tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = [f"A good film {rng.randbytes(600).hex()}" for _ in range(400)]  # so that few rows fill a kilobyte
    if name == "a.csv.gz":
        path = write_csv(tmp_path / name, texts)
    else:
        path = tmp_path / name
        path.write_bytes(gzip.compress(write_jsonl(tmp_path / "a.jsonl", texts).read_bytes()))
    path.write_bytes(path.read_bytes()[:size])
    count = len(whole_lines(path)) - (name == "a.csv.gz")
    assert (count < LOOKED_AT) == (size == 20_000)
    for rows in (10_000, 7):
        out = tmp_path / f"out{rows}"
        summary = succeed(path, out, "--chunk-rows", rows, code=4)
        assert summary["rows"]["scored"] == count
        assert [row["review"] for row in scored(out)] == texts[:count]
        assert [(item["row"], item["rows"]) for item in bad(out)] == [(count, None)]


def test_bad_rows_before_a_damage_are_not_lost_either(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    noise = random.Random(0).randbytes(30_000).hex()
    path.write_bytes(gzip.compress(b"nothing\n" * 5 + noise.encode())[:-9000])
    summary = succeed(path, tmp_path / "out", code=4)
    assert (summary["rows"]["bad"], len(summary["unread"])) == (5, 1)


def test_files_that_are_something_else_are_reported_and_the_rest_is_scored(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.parquet", "b.csv.gz", "c.jsonl.zst", "d.csv.bz2"):
        (folder / name).write_bytes(b"no such thing")
    (folder / "e.csv").write_bytes("review\nGood\n".encode("utf-16"))
    write_jsonl(folder / "f.jsonl", TEXTS[:9])
    succeed(folder, tmp_path / "out", code=4)
    assert len(scored(tmp_path / "out")) == 9
    names = ["a.parquet", "b.csv.gz", "c.jsonl.zst", "d.csv.bz2", "e.csv"]
    assert [item["file"] for item in bad(tmp_path / "out")] == names


def write_damaged_parquet(path: Path, group: int) -> Path:
    """Six row groups of 100 rows each, one of which cannot be read."""
    pq.write_table(
        pa.table({"review": TEXTS, "id": range(600)}),
        path,
        row_group_size=100,
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=False,
    )
    column = pq.read_metadata(path).row_group(group).column(0)
    content = bytearray(path.read_bytes())
    middle = column.data_page_offset + column.total_compressed_size // 2
    content[middle : middle + 40] = random.Random(0).randbytes(40)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("group", [0, 2, 5])
def test_damaged_row_group_is_reported_and_the_others_are_scored(group: int, tmp_path: Path) -> None:
    path = write_damaged_parquet(tmp_path / "a.parquet", group)
    for rows in (30, 100, 250):
        out = tmp_path / f"out{rows}"
        summary = succeed(path, out, "--chunk-rows", rows, code=4)
        read = [row["source_row"] for row in scored(out)]
        unread = [item["row"] + i for item in bad(out) for i in range(item["rows"])]
        assert sorted(read + unread) == list(range(600))
        assert unread == list(range(group * 100, group * 100 + 100))
        assert summary["rows"] == {"rows": 600, "scored": 500, "bad": 0, "unread": 100}
        assert [row["review"] for row in scored(out)] == [TEXTS[i] for i in read]


def test_side_file_and_manifest_follow_the_input_whichever_chunk_ends_first(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv.gz").write_bytes(b"no such thing")
    write_damaged_parquet(folder / "b.parquet", 2)
    (folder / "c.parquet").write_bytes(b"no such thing")
    write_damaged_parquet(folder / "d.parquet", 5)
    write_jsonl(folder / "e.jsonl", [" ", TEXTS[0], " ", " ", TEXTS[1], " "])
    job, bundle = job_of(folder, chunk_rows=2)
    with Report(as_json=True) as report, locked(tmp_path / "out") as output:
        plan = make_plan(job, report)
        manifest = run(
            output, plan, lambda chunks: run_locally(job, bundle, output.staging, chunks[::-1], workers=1), report
        )
    blank = [("e.jsonl", row) for row in (0, 2, 3, 5)]
    damaged = [(name, group * 100 + row) for name, group in (("b.parquet", 2), ("d.parquet", 5)) for row in range(100)]
    unread = [("a.csv.gz", 0), *damaged[:100:2], ("c.parquet", 0), *damaged[100::2]]
    assert [(item["file"], item["row"]) for item in bad(tmp_path / "out")] == [*blank, *unread]
    assert [(item["file"], item["row"]) for item in manifest["unread"]] == unread


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    lines = [json.dumps({"review": text}) + "\n" for text in TEXTS[:60]]
    members = (gzip.compress("".join(lines[start : start + 20]).encode()) for start in (0, 20, 40))
    (tmp_path / "a.jsonl.gz").write_bytes(b"".join(members))
    succeed(tmp_path / "a.jsonl.gz", tmp_path / "out", "--chunk-rows", 7)
    assert [row["review"] for row in scored(tmp_path / "out")] == TEXTS[:60]


def test_nothing_but_bad_rows_is_a_complete_job(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("nothing\n" * 5)
    succeed(tmp_path / "a.jsonl", tmp_path / "out", code=3)
    assert [row["row"] for row in bad(tmp_path / "out")] == [0, 1, 2, 3, 4]
    assert "complete already" not in run_bulk(tmp_path / "a.jsonl", tmp_path / "out").stdout
