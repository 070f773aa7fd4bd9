"""Values that Python cannot hold, or JSON: each becomes a text, and costs no row."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.bulk.values import plain, plain_value
from tests.bulk.jobs import bad, numbers, scored, succeed

NS = pa.timestamp("ns")
MOMENT = "1970-01-01T00:00:00.000001001"
VALUES = [
    (1001, NS, MOMENT),
    (1000, NS, "1970-01-01T00:00:00.000001000"),  # like its neighbours, though Python could hold it
    (-1, NS, "1969-12-31T23:59:59.999999999"),
    (2**63 - 1, NS, "2262-04-11T23:47:16.854775807"),
    (1001, pa.timestamp("ns", "Europe/Berlin"), "1970-01-01T01:00:00.000001001+01:00"),
    (1001, pa.timestamp("ns", "Mars/Phobos"), f"{MOMENT}+00:00"),
    (1000, pa.timestamp("us", "Mars/Phobos"), "1970-01-01T00:00:00.001000+00:00"),
    (1000, pa.timestamp("us"), "1970-01-01T00:00:00.001000"),
    (6 * 10**11, pa.timestamp("s"), "20983-03-30 10:40:00"),
    (6 * 10**11, pa.timestamp("s", "Europe/Berlin"), "20983-03-30 10:40:00 UTC"),
    (10**12, pa.timestamp("s", "UTC"), "<value out of range: 1000000000000> UTC"),
    (10**7, pa.date32(), "29349-01-26"),
    (1001, pa.time64("ns"), "00:00:00.000001001"),
    (1001, pa.duration("ns"), "0:00:00.000001001"),
    (-1, pa.duration("ns"), "-1 day, 23:59:59.999999999"),
    (10**18, pa.duration("s"), "1000000000000000000"),
    ([1001, None], pa.list_(NS), [MOMENT, None]),
    ([1001], pa.large_list(NS), [MOMENT]),
    ([1001], pa.list_(NS, 1), [MOMENT]),
    ([("a", 1001)], pa.map_(pa.string(), NS), [["a", MOMENT]]),
    ({"a": 1001, "b": {"c": [10**7]}}, pa.struct([("a", NS), ("b", pa.struct([("c", pa.list_(pa.date32()))]))]), None),
    (float("nan"), pa.float64(), None),
    ([float("-inf"), 1.5], pa.list_(pa.float32()), [None, 1.5]),
    (b"caf\xe9", pa.binary(), {"base64": "Y2Fm6Q=="}),
]


@pytest.mark.parametrize(("value", "kind", "expected"), VALUES, ids=lambda one: str(one) if not one else "")
def test_value_as_json_can_hold_it(value: Any, kind: pa.DataType, expected: Any) -> None:
    if isinstance(value, dict):
        expected = {"a": MOMENT, "b": {"c": ["29349-01-26"]}}
    found, nothing = (plain_value(scalar) for scalar in pa.array([value, None], kind))
    assert found == expected
    assert nothing is None
    json.dumps(found, allow_nan=False)


def not_utf8() -> pa.Array:
    """Texts of which the second is not UTF-8."""
    offsets = b"".join(i.to_bytes(4, "little") for i in range(5))
    return pa.Array.from_buffers(pa.string(), 4, [None, pa.py_buffer(offsets), pa.py_buffer(b"a\xffbc")])


def test_text_that_is_not_utf8_wherever_it_stands() -> None:
    texts, encoded = not_utf8(), {"base64": "/w=="}
    assert plain_value(texts[1]) == encoded
    assert plain_value(texts.dictionary_encode()[1]) == encoded
    assert plain_value(pa.ListArray.from_arrays([0, 2, 4], texts)[0]) == ["a", encoded]
    assert plain_value(pa.StructArray.from_arrays([texts], ["s"])[1]) == {"s": encoded}
    assert plain_value(pa.StructArray.from_arrays([texts, texts], ["s", "s"])[1]) == [["s", encoded], ["s", encoded]]


def test_values_of_python_that_json_has_not() -> None:
    assert plain({"a": [float("inf"), (float("nan"), 1)], 2: None}) == {"a": [None, [None, 1]], "2": None}


COLUMNS = {
    "nanoseconds": pa.array([1, 2, 3, 4], NS),
    "durations": pa.array([1, 2, 3, 4], pa.duration("ns")),
    "times": pa.array([1, 2, 3, 4], pa.time64("ns")),
    "far away": pa.array([10**7] * 4, pa.date32()),
    "no UTF-8 in a struct": pa.StructArray.from_arrays([not_utf8()], ["s"]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_rows_with_such_values_are_scored_or_described(column: pa.Array, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"review": ["good", "", None, "bad"], "t": column}), path)
    for options in ([], ["--keep", "review"], ["--format", "csv"], ["--format", "jsonl"]):
        out = tmp_path / f"out{'-'.join(options)}"
        succeed(path, out, *options, code=3)
        rows = [row["source_row"] for row in scored(out)] if options else read_back(out)
        assert rows == [0, 3]
        assert [row["row"] for row in bad(out)] == [1, 2]
        assert [row["columns"]["t"] for row in bad(out)] == [plain_value(column[1]), plain_value(column[2])]


def read_back(out: Path) -> list[int]:
    """The numbers of the rows of a table whose other values Python cannot hold."""
    rows: list[int] = pq.read_table(out / "part-00000-00000.parquet", columns=["source_row"])[0].to_pylist()
    return rows


def strictly(line: bytes) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(line, parse_constant=refuse)


def test_numbers_that_json_has_not_are_null(tmp_path: Path) -> None:
    table = pa.table({"review": ["good", "", "bad"], "t": [float("nan"), float("inf"), 1.0], "u": [[float("inf")]] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    succeed(tmp_path / "a.parquet", tmp_path / "out", "--format", "jsonl", code=3)
    rows = [strictly(line) for line in (tmp_path / "out/part-00000-00000.jsonl").read_bytes().splitlines()]
    assert [(row["t"], row["u"]) for row in rows] == [(None, [None]), (1.0, [None])]
    assert strictly((tmp_path / "out/_bad_rows.jsonl").read_bytes())["columns"] == {
        "review": "",
        "t": None,
        "u": [None],
    }


def test_nan_in_a_row_of_json_makes_it_a_bad_row(tmp_path: Path) -> None:
    lines = [
        '{"review": "good", "x": NaN}',
        '{"review": "good", "x": [{"y": -Infinity}]}',
        '{"review": "NaN, Infinity", "x": 1}',
        '{"review": "bad", "x": 1e999}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    succeed(tmp_path / "a.jsonl", tmp_path / "whole", code=3)
    succeed(tmp_path / "a.jsonl", tmp_path / "few", "--keep", "x", code=3)
    for out in (tmp_path / "whole", tmp_path / "few"):
        assert numbers(scored(out)) == [("a.jsonl", 2), ("a.jsonl", 3)]
        for line in (out / "part-00000-00000.jsonl").read_bytes().splitlines():
            strictly(line)
        assert [row["raw"] for row in bad(out)] == lines[:2]
        assert all("NaN and Infinity are none" in row["reason"] for row in bad(out))
    assert [row["x"] for row in scored(tmp_path / "few")] == [1, None]
